#include "tasks/embedding_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "graph/ops.h"
#include "ipfs_accelerate/error.h"
#include "passes/rewriter.h"
#include "tasks/embedding_layers.h"

namespace accelerate {
namespace {

ValueId named(std::span<const NamedValue> values, std::string_view name) {
  const auto found = std::ranges::find(values, name, &NamedValue::name);
  if (found == values.end()) throw Error(ErrorKind::unsupported, fmt::format("embed: the model has no '{}'", name));
  return found->value;
}

/// What pooling reads.
struct States {
  Value hidden;        ///< [tokens, hidden]
  Value ones;          ///< a one for each token [tokens]
  Value counts;        ///< 1 for each token that counts, 0 for each of the prompt's [tokens]
  bool some_left_out;  ///< whether there may be zeros among them
  Value sequences;
};

Value pool(Value x, const States& states, Pooling function) { return sequence_pool(x, states.sequences, {.function = function}); }

/// x [tokens] as a column of numbers [tokens, 1].
Value column(Value x) { return reshape(cast(x, DType::float32), {x.dim(0), 1}); }

/// The sum of the rows that count, and how many these are: [sequences, hidden] and [sequences, 1].
Value sum_of(const States& states) {
  return pool(states.some_left_out ? states.hidden * column(states.counts) : states.hidden, states, Pooling::sum);
}

Value count_of(const States& states) {
  const Value count = pool(column(states.counts), states, Pooling::sum);
  return states.some_left_out ? binary(BinaryFunction::maximum, count, count.graph().number(1e-9F)) : count;
}

/// The first row that counts: its running count of such rows is 1, and it is one of them.
Value first_of(const States& states) {
  if (!states.some_left_out) return pool(states.hidden, states, Pooling::first);
  Graph& graph = states.hidden.graph();
  const Value running = sequence_cumsum(states.counts, states.sequences);
  const Value is_first = binary(BinaryFunction::equal, running * states.counts, graph.whole_number(1));
  return pool(states.hidden * column(is_first), states, Pooling::sum);
}

Value largest_of(const States& states) {
  if (!states.some_left_out) return pool(states.hidden, states, Pooling::maximum);
  const Value count = reshape(states.counts, {states.counts.dim(0), 1});
  const Value lowest = count.graph().number(std::numeric_limits<float>::lowest());
  return pool(where(not_equal(count, 0), states.hidden, lowest), states, Pooling::maximum);
}

Value mean_of(const States& states) {
  return states.some_left_out ? sum_of(states) / count_of(states) : pool(states.hidden, states, Pooling::mean);
}

/// The mean in which token i, from 1, weighs i, whether or not those before it count: [sequences, hidden].
Value weighted_mean_of(const States& states) {
  const Value weights = column(sequence_cumsum(states.ones, states.sequences) * states.counts);
  Value sum = pool(weights, states, Pooling::sum);
  if (states.some_left_out) sum = binary(BinaryFunction::maximum, sum, sum.graph().number(1e-9F));
  return pool(states.hidden * weights, states, Pooling::sum) / sum;
}

Value pooled(PoolingMode mode, const States& states) {
  switch (mode) {
    case PoolingMode::cls:
      return first_of(states);
    case PoolingMode::max:
      return largest_of(states);
    case PoolingMode::mean:
      return mean_of(states);
    case PoolingMode::mean_sqrt_length:
      return sum_of(states) / unary(UnaryFunction::square_root, count_of(states));
    case PoolingMode::weighted_mean:
      return weighted_mean_of(states);
    case PoolingMode::last_token:
      return pool(states.hidden, states, Pooling::last);  // never the prompt's
  }
  throw Error(ErrorKind::internal, fmt::format("pooling mode {} has no graph", static_cast<int>(mode)));
}

bool has(const Graph& model, std::string_view output) {
  return std::ranges::find(model.outputs(), output, &NamedValue::name) != model.outputs().end();
}

/// The hidden states as the settings pool them, one result after the other: [sequences, hidden · modes].
Value pooled_states(Rewriter& rewriter, const Graph& model, const EmbeddingSettings& settings) {
  const Value ids = rewriter(named(model.inputs(), "input_ids"));
  const Value ones = cast(not_equal(ids, -1), DType::int64);
  Value counts = ones;
  if (settings.leaves_out_prompt)
    counts = cast(not_equal(rewriter.graph().input(prompt_input, DType::int64, ids.shape()), 1), DType::int64);
  const States states{.hidden = rewriter(named(model.outputs(), "last_hidden_state")),
                      .ones = ones,
                      .counts = counts,
                      .some_left_out = settings.leaves_out_prompt,
                      .sequences = rewriter(named(model.inputs(), "sequences"))};
  std::vector<Value> parts;
  for (PoolingMode mode : settings.modes) parts.push_back(pooled(mode, states));
  return parts.size() == 1 ? parts.front() : concat(parts, {.axis = -1});
}

}  // namespace

Graph embedding_graph(const Graph& model, const EmbeddingSettings& settings) {
  Rewriter rewriter(model);
  for (const Node& node : model.nodes()) rewriter.copy(node);
  const bool own_vector = has(model, "pooler_output") && !has(model, "last_hidden_state");
  Value vector = own_vector ? rewriter(named(model.outputs(), "pooler_output")) : pooled_states(rewriter, model, settings);
  for (const EmbeddingLayer& layer : settings.layers) vector = embedding_layer(vector, layer, settings.folder);
  rewriter.graph().output("embedding", vector);
  return std::move(rewriter.graph());
}

}  // namespace accelerate

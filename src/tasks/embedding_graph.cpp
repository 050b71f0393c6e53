#include "tasks/embedding_graph.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/ops.h"
#include "ipfs_accelerate/error.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

ValueId named(std::span<const NamedValue> values, std::string_view name) {
  const auto found = std::ranges::find(values, name, &NamedValue::name);
  if (found == values.end()) throw Error(ErrorKind::unsupported, fmt::format("embed: the model has no '{}'", name));
  return found->value;
}

/// What pooling reads: the hidden states [tokens, hidden], a one for each token [tokens], and the sequences.
struct States {
  Value hidden;
  Value ones;
  Value sequences;
};

Value pool(Value x, const States& states, Pooling function) { return sequence_pool(x, states.sequences, {.function = function}); }

/// x [tokens] as a column of numbers [tokens, 1].
Value column(Value x) { return reshape(cast(x, DType::float32), {x.dim(0), 1}); }

/// The sum divided by the root of the number of tokens: [sequences, hidden].
Value mean_by_root(const States& states) {
  const Value count = pool(column(states.ones), states, Pooling::sum);  // [sequences, 1]
  return pool(states.hidden, states, Pooling::sum) / unary(UnaryFunction::square_root, count);
}

/// The mean in which token i, from 1, weighs i: [sequences, hidden].
Value weighted_mean(const States& states) {
  const Value weights = column(sequence_cumsum(states.ones, states.sequences));
  return pool(states.hidden * weights, states, Pooling::sum) / pool(weights, states, Pooling::sum);
}

Value pooled(PoolingMode mode, const States& states) {
  switch (mode) {
    case PoolingMode::cls:
      return pool(states.hidden, states, Pooling::first);
    case PoolingMode::max:
      return pool(states.hidden, states, Pooling::maximum);
    case PoolingMode::mean:
      return pool(states.hidden, states, Pooling::mean);
    case PoolingMode::mean_sqrt_length:
      return mean_by_root(states);
    case PoolingMode::weighted_mean:
      return weighted_mean(states);
    case PoolingMode::last_token:
      return pool(states.hidden, states, Pooling::last);
  }
  throw Error(ErrorKind::internal, fmt::format("pooling mode {} has no graph", static_cast<int>(mode)));
}

/// x / max(‖x‖, 1e-12) along the last axis (torch.nn.functional.normalize).
Value scaled_to_one(Value x) {
  const Value squares = reduce(x * x, {.function = Reduction::sum, .axis = -1});
  const Value length = unary(UnaryFunction::square_root, squares);
  return x / binary(BinaryFunction::maximum, length, x.graph().number(1e-12F));
}

bool has(const Graph& model, std::string_view output) {
  return std::ranges::find(model.outputs(), output, &NamedValue::name) != model.outputs().end();
}

/// The hidden states as `modes` pool them, one result after the other: [sequences, hidden · modes].
Value pooled_states(Rewriter& rewriter, const Graph& model, std::span<const PoolingMode> modes) {
  const Value ids = rewriter(named(model.inputs(), "input_ids"));
  const States states{.hidden = rewriter(named(model.outputs(), "last_hidden_state")),
                      .ones = cast(not_equal(ids, -1), DType::int64),
                      .sequences = rewriter(named(model.inputs(), "sequences"))};
  std::vector<Value> parts;
  for (PoolingMode mode : modes) parts.push_back(pooled(mode, states));
  return parts.size() == 1 ? parts.front() : concat(parts, {.axis = -1});
}

}  // namespace

Graph embedding_graph(const Graph& model, const EmbeddingSettings& settings) {
  Rewriter rewriter(model);
  for (const Node& node : model.nodes()) rewriter.copy(node);
  const bool own_vector = has(model, "pooler_output") && !has(model, "last_hidden_state");
  const Value vector = own_vector ? rewriter(named(model.outputs(), "pooler_output")) : pooled_states(rewriter, model, settings.modes);
  rewriter.graph().output("embedding", settings.normalize ? scaled_to_one(vector) : vector);
  return std::move(rewriter.graph());
}

}  // namespace accelerate

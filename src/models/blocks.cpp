#include "models/blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ipfs_accelerate/error.h"

namespace accelerate {

TextInputs text_inputs(Graph& graph) {
  const Dim tokens = Dim::named("tokens");
  return {.ids = graph.input("input_ids", DType::int64, {tokens}),
          .types = graph.input("token_type_ids", DType::int64, {tokens}),
          .positions = graph.input("positions", DType::int64, {tokens}),
          .sequences = graph.input("sequences", DType::int64, {Dim::named("sequences") + 1})};
}

UnaryFunction activation_named(std::string_view name) {
  struct Row {
    std::string_view name;
    UnaryFunction function;
  };
  static constexpr std::array rows{
      Row{"gelu", UnaryFunction::gelu_erf},
      Row{"gelu_python", UnaryFunction::gelu_erf},
      Row{"gelu_new", UnaryFunction::gelu_tanh},
      Row{"gelu_fast", UnaryFunction::gelu_tanh},
      Row{"gelu_pytorch_tanh", UnaryFunction::gelu_tanh},
      Row{"quick_gelu", UnaryFunction::gelu_quick},
      Row{"relu", UnaryFunction::relu},
      Row{"silu", UnaryFunction::silu},
      Row{"swish", UnaryFunction::silu},
      Row{"tanh", UnaryFunction::tanh},
      Row{"sigmoid", UnaryFunction::sigmoid},
  };
  std::string known;
  for (const Row& row : rows) {
    if (row.name == name) return row.function;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorKind::unsupported, fmt::format("config.json: activation '{}' is not one of {}", name, known));
}

std::int64_t heads_of(const Config& config, std::int64_t hidden, std::string_view field) {
  const std::int64_t heads = config.integer(field);
  if (hidden % heads != 0) config.refuse(field, fmt::format("a divisor of the hidden size {}", hidden));
  return heads;
}

Value projection(Value x, const Weights& weights, std::int64_t outputs, bool bias) {
  return linear(x, weights.get("weight", {outputs, x.dim(-1).value()}), bias ? weights.get("bias", {outputs}) : Value{});
}

Value self_attention(Value x, Value sequences, const Weights& weights, SelfAttentionOptions options) {
  const std::int64_t hidden = x.dim(-1).value();
  const auto heads = [&](std::string_view name) { return split_heads(linear(x, weights / name, hidden), options.heads); };
  const std::int64_t head_size = hidden / options.heads;
  const float scale = 1.0F / std::sqrt(static_cast<float>(head_size));
  return merge_heads(
      attention(heads(options.query), heads(options.key), heads(options.value), sequences, sequences, {.scale = scale}, options.bias));
}

Value logarithmic_columns(Graph& graph, DistanceColumns distances) {
  const auto [buckets, farthest, both_sides] = distances;
  const std::int64_t side = both_sides ? buckets / 2 : buckets;
  const std::int64_t near = side / 2;
  // In float32, as transformers computes it: which column a distance at an edge falls into depends on it.
  const auto column_of = [&](std::int64_t length) {
    if (length < near) return length;
    const float ratio = std::log(static_cast<float>(length) / static_cast<float>(near)) /
                        static_cast<float>(std::log(static_cast<double>(farthest) / static_cast<double>(near)));
    return std::min(near + static_cast<std::int64_t>(ratio * static_cast<float>(side - near)), side - 1);
  };
  std::vector<std::int64_t> columns;
  for (std::int64_t distance = -farthest; distance <= farthest; ++distance) {
    const bool is_after = distance > 0;
    columns.push_back(both_sides ? column_of(std::abs(distance)) + (is_after ? side : 0) : column_of(is_after ? 0 : -distance));
  }
  const auto count = static_cast<std::int64_t>(columns.size());
  return graph.constant(Tensor::from<std::int64_t>(columns, {count}));
}

Value feed_forward(Value x, const Weights& up, const Weights& down, FeedForwardOptions options) {
  const Value wide = unary(options.activation, linear(x, up, options.intermediate_size));
  return linear(wide, down, x.dim(-1).value());
}

std::vector<bool> sliding_layers(const Config& config, std::int64_t layers, const std::function<bool(std::int64_t)>& otherwise) {
  std::vector<bool> sliding;
  if (!config.has("layer_types")) {
    for (std::int64_t i = 0; i < layers; ++i) sliding.push_back(otherwise(i));
    return sliding;
  }
  for (const std::string& type : config.texts("layer_types")) {
    if (type != "sliding_attention" && type != "full_attention")
      config.refuse("layer_types", "sliding_attention or full_attention each", ErrorKind::unsupported);
    sliding.push_back(type == "sliding_attention");
  }
  if (static_cast<std::int64_t>(sliding.size()) != layers) config.refuse("layer_types", "as many as num_hidden_layers");
  return sliding;
}

Value first_token(Value hidden, Value sequences) { return sequence_pool(hidden, sequences, {.function = Pooling::first}); }

Value tied_projection(Value x, const Weights& words, const Weights& own, Value bias, bool tied) {
  const std::int64_t vocabulary = bias.dim(0).value();
  if (!tied && own.contains("bias")) bias = own.get("bias", {vocabulary});
  return linear(x, (tied ? words : own).get("weight", {vocabulary, x.dim(-1).value()}), bias);
}

void token_classification_outputs(Value hidden, const Weights& weights, std::int64_t labels) {
  hidden.graph().output("logits", linear(hidden, weights, labels));
}

void question_answering_outputs(Value hidden, const Weights& weights) {
  const Value logits = linear(hidden, weights, 2);  // [tokens, 2]
  const Dim tokens = hidden.dim(0);
  hidden.graph().output("start_logits", reshape(slice(logits, {.axis = 1, .start = 0, .stop = 1}), {tokens}));
  hidden.graph().output("end_logits", reshape(slice(logits, {.axis = 1, .start = 1, .stop = 2}), {tokens}));
}

Weights below_optional(const Weights& weights, std::string_view name, Head head) {
  return head != Head::base || weights.contains(name) ? weights / name : weights;
}

}  // namespace accelerate

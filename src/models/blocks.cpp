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

std::int64_t heads_of(const Config& config, std::int64_t hidden) {
  const std::int64_t heads = config.integer("num_attention_heads");
  if (hidden % heads != 0) config.refuse("num_attention_heads", fmt::format("a divisor of the hidden size {}", hidden));
  return heads;
}

Value self_attention(Value x, Value sequences, const Weights& weights, SelfAttentionOptions options) {
  const std::int64_t hidden = x.dim(-1).value();
  const auto heads = [&](std::string_view name) { return split_heads(linear(x, weights / name, hidden), options.heads); };
  const std::int64_t head_size = hidden / options.heads;
  const float scale = 1.0F / std::sqrt(static_cast<float>(head_size));
  return merge_heads(
      attention(heads(options.query), heads(options.key), heads(options.value), sequences, sequences, {.scale = scale}, options.bias));
}

Value logarithmic_columns(Graph& graph, std::int64_t buckets, std::int64_t farthest) {
  const std::int64_t half = buckets / 2;
  const std::int64_t near = half / 2;
  // In float32, as transformers computes it: which column a distance at an edge falls into depends on it.
  const auto column_of = [&](std::int64_t length) {
    if (length < near) return length;
    const float ratio = std::log(static_cast<float>(length) / static_cast<float>(near)) /
                        static_cast<float>(std::log(static_cast<double>(farthest) / static_cast<double>(near)));
    return std::min(near + static_cast<std::int64_t>(ratio * static_cast<float>(half - near)), half - 1);
  };
  std::vector<std::int64_t> columns;
  for (std::int64_t distance = -farthest; distance <= farthest; ++distance)
    columns.push_back(column_of(std::abs(distance)) + (distance > 0 ? half : 0));
  const auto count = static_cast<std::int64_t>(columns.size());
  return graph.constant(Tensor::from<std::int64_t>(columns, {count}));
}

Value tied_projection(Value x, const Weights& embeddings, const Weights& own, Value bias, bool tied) {
  const Weights& place = tied ? embeddings / "word_embeddings" : own;
  return linear(x, place.get("weight", {bias.dim(0).value(), x.dim(-1).value()}), bias);
}

Weights below_optional(const Weights& weights, std::string_view name, Head head) {
  return head != Head::base || weights.contains(name) ? weights / name : weights;
}

}  // namespace accelerate

// DeBERTa-v2 and v3 (He et al., 2021; transformers' DebertaV2Model): DeBERTa with distances in buckets, projections that
// contents and positions may share, and, in the largest, a convolution beside the first layer.
#include <algorithm>
#include <cmath>

#include "models/deberta.h"

namespace accelerate::models {

struct Buckets {
  std::int64_t count;     ///< of one direction
  std::int64_t farthest;  ///< distance that buckets reach to; as many as there are: each distance has its own
};

/// The bucket of a distance, in float32 as transformers' make_log_bucket_position computes it: near distances each their
/// own, farther ones in buckets that grow by powers.
static std::int64_t bucket_of(std::int64_t distance, Buckets buckets) {
  const std::int64_t middle = buckets.count / 2;
  const std::int64_t length = std::abs(distance);
  if (buckets.count == buckets.farthest || length <= middle) return distance;
  const float near = static_cast<float>(middle);
  const float share = std::log(static_cast<float>(length) / near) / std::log(static_cast<float>(buckets.farthest - 1) / near);
  const auto bucket = static_cast<std::int64_t>(std::ceil(share * static_cast<float>(middle - 1))) + middle;
  return distance < 0 ? -bucket : bucket;
}

/// The column of each distance of a key from its query.
static Value bucket_columns(Graph& graph, Buckets buckets) {
  std::vector<std::int64_t> columns;
  for (std::int64_t distance = -buckets.farthest; distance <= buckets.farthest; ++distance)
    columns.push_back(std::clamp<std::int64_t>(bucket_of(-distance, buckets) + buckets.count, 0, 2 * buckets.count - 1));
  return graph.constant(Tensor::from<std::int64_t>(columns, {2 * buckets.farthest + 1}), "columns by distance");
}

/// Queries, keys, values and biases of one layer; `positions` [2 · buckets, hidden] are the rows of relative positions.
static DebertaHeads attention_heads(Value x, Value positions, bool shared, const Weights& weights, const DebertaConfig& config) {
  const auto projected = [&](Value rows, std::string_view name) { return linear(rows, weights / name, config.hidden_size); };
  const auto heads_of = [&](std::string_view name) { return split_heads(projected(x, name), config.num_attention_heads); };
  DebertaHeads heads{.query = heads_of("query_proj"), .key = heads_of("key_proj"), .value = heads_of("value_proj"), .bias = {}};
  if (!positions) return heads;
  if (config.content_to_position)
    heads.bias.of_queries = scores_by_column(heads.query, projected(positions, shared ? "key_proj" : "pos_key_proj"), config);
  if (config.position_to_content)
    heads.bias.of_keys = scores_by_column(heads.key, projected(positions, shared ? "query_proj" : "pos_query_proj"), config);
  return heads;
}

/// A convolution of the embeddings [tokens, hidden] over neighbouring tokens, added to the first layer's output and normed.
static Value with_convolution(Value embedded, Value output, Value sequences, const Weights& weights, const Config& fields,
                              const DebertaConfig& config) {
  const std::int64_t width = fields.integer("conv_kernel_size", {.minimum = 1, .maximum = 63});
  if (width % 2 == 0) fields.refuse("conv_kernel_size", "an odd number", ErrorKind::unsupported);
  if (fields.integer_or("conv_groups", 1) != 1) fields.refuse("conv_groups", "1", ErrorKind::unsupported);
  const std::int64_t hidden = config.hidden_size;
  std::vector<Value> neighbours;
  for (std::int64_t i = 0; i < width; ++i) neighbours.push_back(sequence_shift(embedded, sequences, {.offset = i - width / 2}));
  const Value kernel = transpose(weights.get("conv.weight", {hidden, hidden, width}), {0, 2, 1});  // [out, width, in]
  const Value convolved =
      linear(concat(neighbours, {.axis = 1}), reshape(kernel, {hidden, width * hidden}), weights.get("conv.bias", {hidden}));
  const Value activated = unary(activation_named(fields.text_or("conv_act", "tanh")), convolved);
  return layer_norm(output + activated, weights / "LayerNorm", config.layer_norm);
}

void build_deberta_v2(const ModelContext& context) {
  const Config& fields = context.config;
  const DebertaConfig config = DebertaConfig::from(fields);
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_optional(context.weights, "deberta", context.head);
  const Weights encoder = weights / "encoder";
  const std::int64_t given = fields.integer_or("position_buckets", -1, {.minimum = -1});
  const Buckets buckets{.count = given > 0 ? given : config.max_relative_positions, .farthest = config.max_relative_positions};
  const bool shared = fields.boolean_or("share_att_key", false);

  Value positions;
  Value columns;
  if (config.relative_attention && (config.content_to_position || config.position_to_content)) {
    positions = encoder.get("rel_embeddings.weight", {2 * buckets.count, config.hidden_size});
    if (fields.text_or("norm_rel_ebd", "none").find("layer_norm") != std::string::npos)
      positions = layer_norm(positions, encoder / "LayerNorm", config.layer_norm);
    columns = bucket_columns(context.graph, buckets);
  }

  const Value embedded = deberta_embeddings(text, weights / "embeddings", config);
  Value hidden = embedded;
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const Weights layer = encoder / "layer" / i;
    DebertaHeads heads = attention_heads(hidden, positions, shared, layer / "attention" / "self", config);
    heads.bias.columns = columns;
    hidden = deberta_layer(hidden, heads, text.sequences, layer, config);
    if (i == 0 && fields.integer_or("conv_kernel_size", 0, {.minimum = 0}) > 0)
      hidden = with_convolution(embedded, hidden, text.sequences, encoder / "conv", fields, config);
  }
  deberta_outputs(context, hidden, text, weights, config);
}

}  // namespace accelerate::models

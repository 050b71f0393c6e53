// BLOOM (BigScience, 2022): a decoder without positions, whose scores fall with the distance instead (Press et al., 2022).
#include <cmath>

#include "models/decoder_blocks.h"

namespace accelerate::models {
namespace {

/// The fields of config.json, under their own names.
struct BloomConfig {
  std::int64_t vocab_size;
  std::int64_t hidden_size;
  std::int64_t n_layer;
  std::int64_t n_head;
  NormOptions layer_norm;
  bool apply_residual_connection_post_layernorm;
  bool tie_word_embeddings;

  static BloomConfig from(const Config& config);
};

BloomConfig BloomConfig::from(const Config& config) {
  const std::int64_t hidden_size = config.integer(field_among(config, {"hidden_size", "n_embed"}));
  return {
      .vocab_size = config.integer("vocab_size"),
      .hidden_size = hidden_size,
      .n_layer = config.integer(field_among(config, {"n_layer", "num_hidden_layers"})),
      .n_head = heads_of(config, hidden_size, field_among(config, {"n_head", "num_attention_heads"})),
      .layer_norm = {.epsilon = static_cast<float>(config.number_or("layer_norm_epsilon", 1e-5))},
      .apply_residual_connection_post_layernorm = config.boolean_or("apply_residual_connection_post_layernorm", false),
      .tie_word_embeddings = config.boolean_or("tie_word_embeddings", true),
  };
}

/// What each head adds to a score for each place that the key is ahead [heads]: 2^(-8/n), 2^(-16/n), … for n heads, where n is a
/// power of two; the heads beyond the largest one below take every other number of the next one's.
Value slopes(Graph& graph, std::int64_t heads) {
  const auto power = static_cast<std::int64_t>(std::exp2(std::floor(std::log2(static_cast<double>(heads)))));
  std::vector<float> result;
  for (std::int64_t i = 1; i <= power; ++i)
    result.push_back(static_cast<float>(std::exp2(-8.0 * static_cast<double>(i) / static_cast<double>(power))));
  for (std::int64_t i = 1; static_cast<std::int64_t>(result.size()) < heads; i += 2)
    result.push_back(static_cast<float>(std::exp2(-8.0 * static_cast<double>(i) / static_cast<double>(2 * power))));
  return graph.constant(Tensor::from<float>(result, {heads}));
}

/// Self-attention and its output projection. x: [tokens, hidden].
Value attention_block(Value x, Value sequences, const Weights& weights, const BloomConfig& config) {
  const QueryKeyValue heads = split_head_by_head(projection(x, weights / "query_key_value", 3 * config.hidden_size, true), config.n_head);
  const float scale = inverse_root(static_cast<double>(config.hidden_size / config.n_head));
  const Value seen = causal_attention(heads, sequences, {.scale = scale}, {.slopes = slopes(x.graph(), config.n_head)});
  return projection(seen, weights / "dense", config.hidden_size, true);
}

Value mlp(Value x, const Weights& weights, const BloomConfig& config) {
  return feed_forward(x, weights / "dense_h_to_4h", weights / "dense_4h_to_h",
                      {.intermediate_size = 4 * config.hidden_size, .activation = UnaryFunction::gelu_tanh});
}

/// block(norm(x)), plus x or the norm.
template <typename Block>
Value with_residual(Value x, const Weights& weights, const BloomConfig& config, const Block& block) {
  const Value normed = layer_norm(x, weights, config.layer_norm);
  return (config.apply_residual_connection_post_layernorm ? normed : x) + block(normed);
}

}  // namespace

void build_bloom(const ModelContext& context) {
  const BloomConfig config = BloomConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_if_there(context.weights, "transformer");

  const Value words = (weights / "word_embeddings").get("weight", {config.vocab_size, config.hidden_size});
  Value x = layer_norm(gather(words, text.ids), weights / "word_embeddings_layernorm", config.layer_norm);
  for (std::int64_t i = 0; i < config.n_layer; ++i) {
    const Weights layer = weights / "h" / i;
    x = with_residual(x, layer / "input_layernorm", config,
                      [&](Value from) { return attention_block(from, text.sequences, layer / "self_attention", config); });
    x = with_residual(x, layer / "post_attention_layernorm", config, [&](Value from) { return mlp(from, layer / "mlp", config); });
  }
  decoder_outputs(context, {.hidden = layer_norm(x, weights / "ln_f", config.layer_norm),
                            .sequences = text.sequences,
                            .words = words,
                            .tied = config.tie_word_embeddings});
}

}  // namespace accelerate::models

// OPT (Zhang et al., 2022): a decoder with learned positions, norms before or after each block, and in one size word embeddings
// that are narrower than the states.
#include "models/decoder_blocks.h"

namespace accelerate::models {
namespace {

/// The fields of config.json, under their own names.
struct OptConfig {
  std::int64_t vocab_size;
  std::int64_t max_position_embeddings;
  std::int64_t hidden_size;
  std::int64_t word_embed_proj_dim;
  std::int64_t num_hidden_layers;
  std::int64_t num_attention_heads;
  std::int64_t ffn_dim;
  UnaryFunction activation_function;
  bool do_layer_norm_before;
  bool remove_final_layer_norm;
  bool enable_bias;
  bool layer_norm_elementwise_affine;
  bool tie_word_embeddings;

  static OptConfig from(const Config& config);
};

OptConfig OptConfig::from(const Config& config) {
  const std::int64_t hidden_size = config.integer("hidden_size");
  return {
      .vocab_size = config.integer("vocab_size"),
      .max_position_embeddings = config.integer("max_position_embeddings"),
      .hidden_size = hidden_size,
      .word_embed_proj_dim = config.integer_or("word_embed_proj_dim", hidden_size),
      .num_hidden_layers = config.integer("num_hidden_layers"),
      .num_attention_heads = heads_of(config, hidden_size),
      .ffn_dim = config.integer("ffn_dim"),
      .activation_function = activation_named(config.text_or("activation_function", "relu")),
      .do_layer_norm_before = config.boolean_or("do_layer_norm_before", true),
      .remove_final_layer_norm = config.boolean_or("_remove_final_layer_norm", false),
      .enable_bias = config.boolean_or("enable_bias", true),
      .layer_norm_elementwise_affine = config.boolean_or("layer_norm_elementwise_affine", true),
      .tie_word_embeddings = config.boolean_or("tie_word_embeddings", true),
  };
}

Value norm(Value x, const Weights& weights, const OptConfig& config) {
  constexpr NormOptions options{.epsilon = 1e-5F};
  return config.layer_norm_elementwise_affine ? layer_norm(x, weights, options) : layer_norm(x, {}, {}, options);
}

/// Self-attention and its output projection. x: [tokens, hidden].
Value attention_block(Value x, Value sequences, const Weights& weights, const OptConfig& config) {
  const auto linear = [&](Value from, std::string_view name) {
    return projection(from, weights / name, config.hidden_size, config.enable_bias);
  };
  const auto heads = [&](std::string_view name) { return split_heads(linear(x, name), config.num_attention_heads); };
  const QueryKeyValue all{.query = heads("q_proj"), .key = heads("k_proj"), .value = heads("v_proj")};
  const float scale = inverse_root(static_cast<double>(config.hidden_size / config.num_attention_heads));
  return linear(causal_attention(all, sequences, {.scale = scale}), "out_proj");
}

Value mlp(Value x, const Weights& weights, const OptConfig& config) {
  const Value wide = unary(config.activation_function, projection(x, weights / "fc1", config.ffn_dim, config.enable_bias));
  return projection(wide, weights / "fc2", config.hidden_size, config.enable_bias);
}

/// x + block(x), normalised before the block or after the sum.
template <typename Block>
Value with_residual(Value x, const Weights& weights, const OptConfig& config, const Block& block) {
  return config.do_layer_norm_before ? x + block(norm(x, weights, config)) : norm(x + block(x), weights, config);
}

/// Word embeddings and those of positions, whose table has two rows that no token uses: [tokens, hidden].
Value embeddings(Value words, const TextInputs& text, const Weights& weights, const OptConfig& config) {
  constexpr std::int64_t unused = 2;
  const Value places =
      embedding(text.positions + unused, weights / "embed_positions", config.max_position_embeddings + unused, config.hidden_size);
  const Value rows = gather(words, text.ids);
  const bool wide = config.word_embed_proj_dim == config.hidden_size;
  return (wide ? rows : projection(rows, weights / "project_in", config.hidden_size, false)) + places;
}

}  // namespace

void build_opt(const ModelContext& context) {
  const OptConfig config = OptConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_if_there(context.weights, "model") / "decoder";

  const Value words = (weights / "embed_tokens").get("weight", {config.vocab_size, config.word_embed_proj_dim});
  Value x = embeddings(words, text, weights, config);
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const Weights layer = weights / "layers" / i;
    x = with_residual(x, layer / "self_attn_layer_norm", config,
                      [&](Value from) { return attention_block(from, text.sequences, layer / "self_attn", config); });
    x = with_residual(x, layer / "final_layer_norm", config, [&](Value from) { return mlp(from, layer, config); });
  }
  if (config.do_layer_norm_before && !config.remove_final_layer_norm) x = norm(x, weights / "final_layer_norm", config);
  if (config.word_embed_proj_dim != config.hidden_size) x = projection(x, weights / "project_out", config.word_embed_proj_dim, false);
  decoder_outputs(context, {.hidden = x, .sequences = text.sequences, .words = words, .tied = config.tie_word_embeddings});
}

}  // namespace accelerate::models

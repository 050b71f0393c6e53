// GPT-2 (Radford et al., 2019), and DialoGPT: a pre-norm decoder with learned positions.
#include "models/decoder_blocks.h"

namespace accelerate::models {
namespace {

/// The fields of config.json, under their own names.
struct Gpt2Config {
  std::int64_t vocab_size;
  std::int64_t n_positions;
  std::int64_t n_embd;
  std::int64_t n_layer;
  std::int64_t n_head;
  std::int64_t n_inner;
  UnaryFunction activation_function;
  NormOptions layer_norm;
  bool scale_attn_weights;
  bool scale_attn_by_inverse_layer_idx;
  bool tie_word_embeddings;

  static Gpt2Config from(const Config& config);
};

Gpt2Config Gpt2Config::from(const Config& config) {
  const std::int64_t n_embd = config.integer(field_among(config, {"n_embd", "hidden_size"}));
  if (config.boolean_or("add_cross_attention", false)) config.refuse("add_cross_attention", "false", ErrorKind::unsupported);
  return {
      .vocab_size = config.integer("vocab_size"),
      .n_positions = config.integer(field_among(config, {"n_positions", "max_position_embeddings"})),
      .n_embd = n_embd,
      .n_layer = config.integer(field_among(config, {"n_layer", "num_hidden_layers"})),
      .n_head = heads_of(config, n_embd, field_among(config, {"n_head", "num_attention_heads"})),
      .n_inner = config.integer_or("n_inner", 4 * n_embd),
      .activation_function = activation_named(config.text_or("activation_function", "gelu_new")),
      .layer_norm = {.epsilon = static_cast<float>(config.number_or("layer_norm_epsilon", 1e-5))},
      .scale_attn_weights = config.boolean_or("scale_attn_weights", true),
      .scale_attn_by_inverse_layer_idx = config.boolean_or("scale_attn_by_inverse_layer_idx", false),
      .tie_word_embeddings = config.boolean_or("tie_word_embeddings", true),
  };
}

/// A linear layer whose weight the checkpoint has as [in, out].
Value transposed_linear(Value x, const Weights& weights, std::int64_t outputs) {
  const Value weight = transpose(weights.get("weight", {x.dim(-1).value(), outputs}), {1, 0});
  return linear(x, weight, weights.get("bias", {outputs}));
}

/// Self-attention and its output projection. x: [tokens, hidden].
Value attention_block(Value x, Value sequences, std::int64_t layer, const Weights& weights, const Gpt2Config& config) {
  float scale = config.scale_attn_weights ? inverse_root(static_cast<double>(config.n_embd / config.n_head)) : 1;
  if (config.scale_attn_by_inverse_layer_idx) scale /= static_cast<float>(layer + 1);
  const QueryKeyValue heads = split_in_thirds(transposed_linear(x, weights / "c_attn", 3 * config.n_embd), config.n_head);
  return transposed_linear(causal_attention(heads, sequences, {.scale = scale}), weights / "c_proj", config.n_embd);
}

Value mlp(Value x, const Weights& weights, const Gpt2Config& config) {
  const Value wide = unary(config.activation_function, transposed_linear(x, weights / "c_fc", config.n_inner));
  return transposed_linear(wide, weights / "c_proj", config.n_embd);
}

}  // namespace

void build_gpt2(const ModelContext& context) {
  const Gpt2Config config = Gpt2Config::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_if_there(context.weights, "transformer");

  const Value words = (weights / "wte").get("weight", {config.vocab_size, config.n_embd});
  Value x = gather(words, text.ids) + embedding(text.positions, weights / "wpe", config.n_positions, config.n_embd);
  for (std::int64_t i = 0; i < config.n_layer; ++i) {
    const Weights layer = weights / "h" / i;
    x = x + attention_block(layer_norm(x, layer / "ln_1", config.layer_norm), text.sequences, i, layer / "attn", config);
    x = x + mlp(layer_norm(x, layer / "ln_2", config.layer_norm), layer / "mlp", config);
  }
  decoder_outputs(context, {.hidden = layer_norm(x, weights / "ln_f", config.layer_norm),
                            .sequences = text.sequences,
                            .words = words,
                            .tied = config.tie_word_embeddings});
}

}  // namespace accelerate::models

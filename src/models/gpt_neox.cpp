// GPT-NeoX (Black et al., 2022), and Pythia: a decoder with rotary positions in a part of each head, whose MLP reads either the
// same states as its attention or what came of it.
#include "models/decoder_blocks.h"
#include "models/rotary.h"

namespace accelerate::models {
namespace {

/// The fields of config.json, under their own names where they have one.
struct GptNeoxConfig {
  std::int64_t vocab_size;
  std::int64_t hidden_size;
  std::int64_t num_hidden_layers;
  std::int64_t num_attention_heads;
  std::int64_t intermediate_size;
  UnaryFunction hidden_act;
  NormOptions layer_norm;
  RotaryFrequencies rotary;
  bool use_parallel_residual;
  bool attention_bias;
  bool tie_word_embeddings;

  static GptNeoxConfig from(const Config& config);
};

GptNeoxConfig GptNeoxConfig::from(const Config& config) {
  const std::int64_t hidden_size = config.integer("hidden_size");
  const std::int64_t heads = heads_of(config, hidden_size);
  return {
      .vocab_size = config.integer("vocab_size"),
      .hidden_size = hidden_size,
      .num_hidden_layers = config.integer("num_hidden_layers"),
      .num_attention_heads = heads,
      .intermediate_size = config.integer("intermediate_size"),
      .hidden_act = activation_named(config.text_or("hidden_act", "gelu")),
      .layer_norm = {.epsilon = static_cast<float>(config.number_or("layer_norm_eps", 1e-5))},
      .rotary =
          rotary_frequencies(config, hidden_size / heads, {.theta_field = "rotary_emb_base", .share = 0.25, .share_field = "rotary_pct"}),
      .use_parallel_residual = config.boolean_or("use_parallel_residual", true),
      .attention_bias = config.boolean_or("attention_bias", true),
      .tie_word_embeddings = config.boolean_or("tie_word_embeddings", false),
  };
}

/// Self-attention and its output projection. x: [tokens, hidden].
Value attention_block(Value x, Value sequences, const RotaryTables& tables, const Weights& weights, const GptNeoxConfig& config) {
  const Value all = projection(x, weights / "query_key_value", 3 * config.hidden_size, config.attention_bias);
  QueryKeyValue heads = split_head_by_head(all, config.num_attention_heads);
  const float scale = inverse_root(static_cast<double>(config.hidden_size / config.num_attention_heads));
  heads.query = rope(heads.query, tables.cosines, tables.sines, {});
  heads.key = rope(heads.key, tables.cosines, tables.sines, {});
  return projection(causal_attention(heads, sequences, {.scale = scale}), weights / "dense", config.hidden_size, config.attention_bias);
}

Value mlp(Value x, const Weights& weights, const GptNeoxConfig& config) {
  return feed_forward(x, weights / "dense_h_to_4h", weights / "dense_4h_to_h",
                      {.intermediate_size = config.intermediate_size, .activation = config.hidden_act});
}

}  // namespace

void build_gpt_neox(const ModelContext& context) {
  const GptNeoxConfig config = GptNeoxConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_if_there(context.weights, "gpt_neox");
  const RotaryTables tables = rotary_tables(text.positions, config.rotary);

  const Value words = (weights / "embed_in").get("weight", {config.vocab_size, config.hidden_size});
  Value x = gather(words, text.ids);
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const Weights layer = weights / "layers" / i;
    const Value normed = layer_norm(x, layer / "input_layernorm", config.layer_norm);
    const Value attended = x + attention_block(normed, text.sequences, tables, layer / "attention", config);
    const Value read = config.use_parallel_residual ? x : attended;
    x = attended + mlp(layer_norm(read, layer / "post_attention_layernorm", config.layer_norm), layer / "mlp", config);
  }
  decoder_outputs(context, {.hidden = layer_norm(x, weights / "final_layer_norm", config.layer_norm),
                            .sequences = text.sequences,
                            .words = words,
                            .tied = config.tie_word_embeddings,
                            .projection = "embed_out"});
}

}  // namespace accelerate::models

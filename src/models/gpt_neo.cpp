// GPT-Neo (Black et al., 2021): GPT-2's decoder with scores that are not scaled, and every other layer seeing a window alone.
#include "models/decoder_blocks.h"

namespace accelerate::models {
namespace {

/// The fields of config.json, under their own names.
struct GptNeoConfig {
  std::int64_t vocab_size;
  std::int64_t max_position_embeddings;
  std::int64_t hidden_size;
  std::int64_t num_layers;
  std::int64_t num_heads;
  std::int64_t intermediate_size;
  std::int64_t window_size;
  std::vector<std::string> attention_layers;  ///< "global" or "local" each
  UnaryFunction activation_function;
  NormOptions layer_norm;
  bool tie_word_embeddings;

  static GptNeoConfig from(const Config& config);
};

GptNeoConfig GptNeoConfig::from(const Config& config) {
  const std::int64_t hidden_size = config.integer("hidden_size");
  GptNeoConfig result{
      .vocab_size = config.integer("vocab_size"),
      .max_position_embeddings = config.integer("max_position_embeddings"),
      .hidden_size = hidden_size,
      .num_layers = config.integer(field_among(config, {"num_layers", "num_hidden_layers"})),
      .num_heads = heads_of(config, hidden_size, field_among(config, {"num_heads", "num_attention_heads"})),
      .intermediate_size = config.integer_or("intermediate_size", 4 * hidden_size),
      .window_size = config.integer_or("window_size", 256),
      .attention_layers = config.texts("attention_layers"),
      .activation_function = activation_named(config.text_or("activation_function", "gelu_new")),
      .layer_norm = {.epsilon = static_cast<float>(config.number_or("layer_norm_epsilon", 1e-5))},
      .tie_word_embeddings = config.boolean_or("tie_word_embeddings", true),
  };
  if (static_cast<std::int64_t>(result.attention_layers.size()) != result.num_layers)
    config.refuse("attention_layers", "as many as num_layers");
  for (const std::string& type : result.attention_layers)
    if (type != "global" && type != "local") config.refuse("attention_layers", "global or local each", ErrorKind::unsupported);
  return result;
}

/// Self-attention and its output projection, which alone has a bias. x: [tokens, hidden].
Value attention_block(Value x, Value sequences, bool local, const Weights& weights, const GptNeoConfig& config) {
  const auto heads = [&](std::string_view name) {
    return split_heads(projection(x, weights / name, config.hidden_size, false), config.num_heads);
  };
  const QueryKeyValue all{.query = heads("q_proj"), .key = heads("k_proj"), .value = heads("v_proj")};
  const Value seen = causal_attention(all, sequences, {.scale = 1, .window_left = local ? config.window_size - 1 : -1});
  return projection(seen, weights / "out_proj", config.hidden_size, true);
}

}  // namespace

void build_gpt_neo(const ModelContext& context) {
  const GptNeoConfig config = GptNeoConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_if_there(context.weights, "transformer");

  const Value words = (weights / "wte").get("weight", {config.vocab_size, config.hidden_size});
  Value x = gather(words, text.ids) + embedding(text.positions, weights / "wpe", config.max_position_embeddings, config.hidden_size);
  for (std::int64_t i = 0; i < config.num_layers; ++i) {
    const Weights layer = weights / "h" / i;
    const bool local = config.attention_layers[static_cast<std::size_t>(i)] == "local";
    const Value normed = layer_norm(x, layer / "ln_1", config.layer_norm);
    x = x + attention_block(normed, text.sequences, local, layer / "attn" / "attention", config);
    x = x + feed_forward(layer_norm(x, layer / "ln_2", config.layer_norm), layer / "mlp" / "c_fc", layer / "mlp" / "c_proj",
                         {.intermediate_size = config.intermediate_size, .activation = config.activation_function});
  }
  decoder_outputs(context, {.hidden = layer_norm(x, weights / "ln_f", config.layer_norm),
                            .sequences = text.sequences,
                            .words = words,
                            .tied = config.tie_word_embeddings});
}

}  // namespace accelerate::models

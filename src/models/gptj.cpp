// GPT-J (Wang and Komatsuzaki, 2021), and CodeGen (Nijkamp et al., 2022), which packs its heads otherwise: decoders whose
// attention and MLP read the same norm, with rotary positions in a part of each head.
#include "models/decoder_blocks.h"
#include "models/rotary.h"

namespace accelerate::models {
namespace {

/// The fields of config.json, under their own names.
struct GptjConfig {
  std::int64_t vocab_size;
  std::int64_t n_embd;
  std::int64_t n_layer;
  std::int64_t n_head;
  std::int64_t n_inner;
  std::int64_t rotary_dim;
  UnaryFunction activation_function;
  NormOptions layer_norm;
  bool tie_word_embeddings;

  static GptjConfig from(const Config& config);
};

GptjConfig GptjConfig::from(const Config& config) {
  const std::int64_t n_embd = config.integer(field_among(config, {"n_embd", "hidden_size"}));
  const std::int64_t n_head = heads_of(config, n_embd, field_among(config, {"n_head", "num_attention_heads"}));
  return {
      .vocab_size = config.integer("vocab_size"),
      .n_embd = n_embd,
      .n_layer = config.integer(field_among(config, {"n_layer", "num_hidden_layers"})),
      .n_head = n_head,
      .n_inner = config.integer_or("n_inner", 4 * n_embd),
      .rotary_dim = config.integer_or("rotary_dim", 64, {.minimum = 2, .maximum = n_embd / n_head}),
      .activation_function = activation_named(config.text_or("activation_function", "gelu_new")),
      .layer_norm = {.epsilon = static_cast<float>(config.number_or("layer_norm_epsilon", 1e-5))},
      .tie_word_embeddings = config.boolean_or("tie_word_embeddings", false),
  };
}

/// The heads of x [tokens, hidden], before any is turned.
using HeadsOf = QueryKeyValue (*)(Value x, const Weights& weights, const GptjConfig& config);

QueryKeyValue gptj_heads(Value x, const Weights& weights, const GptjConfig& config) {
  const auto heads = [&](std::string_view name) { return split_heads(projection(x, weights / name, config.n_embd, false), config.n_head); };
  return {.query = heads("q_proj"), .key = heads("k_proj"), .value = heads("v_proj")};
}

// The weight was cut for four machines: each quarter of its rows has the queries, values and keys, in this order, of a quarter
// of the heads.
QueryKeyValue codegen_heads(Value x, const Weights& weights, const GptjConfig& config) {
  constexpr std::int64_t quarters = 4;
  const Value all = split_heads(projection(x, weights / "qkv_proj", 3 * config.n_embd, false), quarters);
  const std::int64_t size = config.n_embd / quarters;
  const auto heads = [&](std::int64_t i) {
    return reshape(columns_of(all, i * size, size), {x.dim(0), config.n_head, config.n_embd / config.n_head});
  };
  return {.query = heads(0), .key = heads(2), .value = heads(1)};
}

void build(const ModelContext& context, HeadsOf heads_of_layer) {
  const GptjConfig config = GptjConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_if_there(context.weights, "transformer");
  const RotaryTables tables = rotary_tables(text.positions, rotary_frequencies(context.config, config.rotary_dim));
  const auto turned = [&](Value heads) { return rope(heads, tables.cosines, tables.sines, {.interleaved = true}); };

  const Value words = (weights / "wte").get("weight", {config.vocab_size, config.n_embd});
  Value x = gather(words, text.ids);
  for (std::int64_t i = 0; i < config.n_layer; ++i) {
    const Weights layer = weights / "h" / i;
    const Value normed = layer_norm(x, layer / "ln_1", config.layer_norm);
    QueryKeyValue heads = heads_of_layer(normed, layer / "attn", config);
    heads.query = turned(heads.query);
    heads.key = turned(heads.key);
    const float scale = inverse_root(static_cast<double>(config.n_embd / config.n_head));
    const Value seen = causal_attention(heads, text.sequences, {.scale = scale});
    const Value attended = projection(seen, layer / "attn" / "out_proj", config.n_embd, false);
    x = x + attended +
        feed_forward(normed, layer / "mlp" / "fc_in", layer / "mlp" / "fc_out",
                     {.intermediate_size = config.n_inner, .activation = config.activation_function});
  }
  decoder_outputs(context, {.hidden = layer_norm(x, weights / "ln_f", config.layer_norm),
                            .sequences = text.sequences,
                            .words = words,
                            .tied = config.tie_word_embeddings,
                            .projection_bias = true});
}

}  // namespace

void build_gptj(const ModelContext& context) { build(context, gptj_heads); }

void build_codegen(const ModelContext& context) {
  const std::string_view field = field_among(context.config, {"n_head", "num_attention_heads"});
  if (context.config.integer(field) % 4 != 0) context.config.refuse(field, "a multiple of 4");
  build(context, codegen_heads);
}

}  // namespace accelerate::models

// LLaMA (Touvron et al., 2023), all versions of its text models: a pre-norm decoder with rotary positions, gated MLPs, and as a
// rule fewer heads of keys than of queries.
#include "models/llama.h"

namespace accelerate::models {

AttentionHeads attention_heads(const Config& config) {
  const std::int64_t queries = config.integer("num_attention_heads");
  const std::int64_t keys = config.integer_or("num_key_value_heads", queries);
  if (queries % keys != 0) config.refuse("num_key_value_heads", "a divisor of num_attention_heads");
  if (config.has("head_dim")) return {.queries = queries, .keys = keys, .size = config.integer("head_dim")};
  return {.queries = queries, .keys = keys, .size = config.integer("hidden_size") / heads_of(config, config.integer("hidden_size"))};
}

LlamaConfig LlamaConfig::from(const Config& config, const RotaryOptions& rotary) {
  const AttentionHeads heads = attention_heads(config);
  const std::int64_t layers = config.integer("num_hidden_layers");
  return {
      .vocab_size = config.integer("vocab_size"),
      .hidden_size = config.integer("hidden_size"),
      .intermediate_size = config.integer("intermediate_size"),
      .num_hidden_layers = layers,
      .heads = heads,
      .hidden_act = activation_named(config.text_or("hidden_act", "silu")),
      .norm = {.epsilon = static_cast<float>(config.number_or("rms_norm_eps", 1e-6))},
      .rotary = rotary_frequencies(config, heads.size, rotary),
      .windows = std::vector<std::int64_t>(static_cast<std::size_t>(layers), -1),
      .tie_word_embeddings = config.boolean_or("tie_word_embeddings", false),
  };
}

void LlamaConfig::set_windows(std::int64_t window, const std::vector<bool>& sliding) {
  for (std::size_t i = 0; i < windows.size(); ++i) windows[i] = sliding[i] ? window - 1 : -1;
}

/// The heads of x [tokens, hidden], before any is turned.
static QueryKeyValue heads_of(Value x, const Weights& weights, const LlamaConfig& config) {
  const auto& [queries, keys, size] = config.heads;
  if (config.fused_projections) {
    const Value all = split_heads(projection(x, weights / "qkv_proj", (queries + 2 * keys) * size, config.qkv_bias), queries + 2 * keys);
    const auto heads = [&](std::int64_t first, std::int64_t count) {
      return slice(all, {.axis = 1, .start = first, .stop = first + count});
    };
    return {.query = heads(0, queries), .key = heads(queries, keys), .value = heads(queries + keys, keys)};
  }
  const auto heads = [&](std::string_view name, std::int64_t count) {
    return split_heads(projection(x, weights / name, count * config.heads.size, config.qkv_bias), count);
  };
  return {.query = heads("q_proj", queries), .key = heads("k_proj", keys), .value = heads("v_proj", keys)};
}

/// Self-attention and its output projection. x: [tokens, hidden].
static Value attention_block(Value x, Value sequences, const RotaryTables& tables, std::int64_t window, const Weights& weights,
                             const LlamaConfig& config) {
  QueryKeyValue heads = heads_of(x, weights, config);
  if (config.head_norms) {
    heads.query = rms_norm(heads.query, weights / "q_norm", config.norm);
    heads.key = rms_norm(heads.key, weights / "k_norm", config.norm);
  }
  heads.query = rope(heads.query, tables.cosines, tables.sines, {});
  heads.key = rope(heads.key, tables.cosines, tables.sines, {});
  const float scale = inverse_root(static_cast<double>(config.heads.size));
  const Value seen = causal_attention(heads, sequences, {.scale = scale, .window_left = window});
  return projection(seen, weights / "o_proj", config.hidden_size, config.output_bias);
}

Value gated_mlp(Value x, const Weights& weights, const LlamaConfig& config) {
  const std::int64_t size = config.intermediate_size;
  const auto linear = [&](std::string_view name, std::int64_t outputs) { return projection(x, weights / name, outputs, config.mlp_bias); };
  Value gates;
  Value values;
  if (config.fused_projections) {
    const Value both = linear("gate_up_proj", 2 * size);
    gates = columns_of(both, 0, size);
    values = columns_of(both, size, size);
  } else {
    gates = linear("gate_proj", size);
    values = linear("up_proj", size);
  }
  return projection(unary(config.hidden_act, gates) * values, weights / "down_proj", config.hidden_size, config.mlp_bias);
}

void build_like_llama(const ModelContext& context, const LlamaConfig& config) {
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_if_there(context.weights, "model");
  const RotaryTables tables = rotary_tables(text.positions, config.rotary);

  const Value words = (weights / "embed_tokens").get("weight", {config.vocab_size, config.hidden_size});
  Value x = gather(words, text.ids);
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const Weights layer = weights / "layers" / i;
    const std::int64_t window = config.windows[static_cast<std::size_t>(i)];
    const Value normed = rms_norm(x, layer / "input_layernorm", config.norm);
    x = x + attention_block(normed, text.sequences, tables, window, layer / "self_attn", config);
    x = x + gated_mlp(rms_norm(x, layer / "post_attention_layernorm", config.norm), layer / "mlp", config);
  }
  decoder_outputs(context, {.hidden = rms_norm(x, weights / "norm", config.norm),
                            .sequences = text.sequences,
                            .words = words,
                            .tied = config.tie_word_embeddings});
}

void build_llama(const ModelContext& context) {
  LlamaConfig config = LlamaConfig::from(context.config);
  config.qkv_bias = config.output_bias = context.config.boolean_or("attention_bias", false);
  config.mlp_bias = context.config.boolean_or("mlp_bias", false);
  build_like_llama(context, config);
}

}  // namespace accelerate::models

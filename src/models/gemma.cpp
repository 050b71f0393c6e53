// Gemma 2 (Gemma Team, 2024) and the text model of Gemma 3 (2025): decoders with a norm before and after each block, layers that
// see a window among those that see everything, and scores and logits that Gemma 2 caps.
#include <cmath>

#include "models/llama.h"

namespace accelerate::models {
namespace {

/// The fields of config.json, under their own names where they have one.
struct GemmaConfig {
  LlamaConfig common;                ///< what LLaMA has too; its rotary positions are those of layers that see everything
  RotaryFrequencies sliding_rotary;  ///< of the other layers
  float score_scale;
  float attn_logit_softcapping = 0;   ///< 0: none
  float final_logit_softcapping = 0;  ///< 0: none
};

float softcap_of(const Config& config, std::string_view field, double fallback) {
  return config.is_null(field) ? 0 : static_cast<float>(config.number_or(field, fallback, {.minimum = 0}));
}

/// What both read alike; in one layer out of `period` a token sees everything.
GemmaConfig gemma_config(const Config& config, std::int64_t period) {
  if (config.boolean_or("use_bidirectional_attention", false))
    config.refuse("use_bidirectional_attention", "false", ErrorKind::unsupported);
  LlamaConfig common = LlamaConfig::from(config);
  common.hidden_act = activation_named(config.text_or("hidden_activation", "gelu_pytorch_tanh"));
  common.qkv_bias = common.output_bias = config.boolean_or("attention_bias", false);
  common.tie_word_embeddings = config.boolean_or("tie_word_embeddings", true);
  common.set_windows(config.integer_or("sliding_window", 4096),
                     sliding_layers(config, common.num_hidden_layers, [&](std::int64_t i) { return (i + 1) % period != 0; }));
  const float scale = inverse_root(config.number_or("query_pre_attn_scalar", 256, {.minimum = 1e-6}));
  return {.common = common, .sliding_rotary = common.rotary, .score_scale = scale};
}

/// rms_norm whose scale the checkpoint has less 1.
Value norm(Value x, const Weights& weights, const GemmaConfig& config) {
  const Value scale = weights.get("weight", {x.dim(-1).value()});
  return rms_norm(x, scale + x.graph().number(1), config.common.norm);
}

/// Self-attention and its output projection. x: [tokens, hidden].
Value attention_block(Value x, Value sequences, const RotaryTables& tables, std::int64_t window, const Weights& weights,
                      const GemmaConfig& config) {
  const LlamaConfig& common = config.common;
  const auto heads = [&](std::string_view name, std::int64_t count) {
    return split_heads(projection(x, weights / name, count * common.heads.size, common.qkv_bias), count);
  };
  const auto turned = [&](Value y, std::string_view norm_name) {
    return rope(common.head_norms ? norm(y, weights / norm_name, config) : y, tables.cosines, tables.sines, {});
  };
  const QueryKeyValue all{.query = turned(heads("q_proj", common.heads.queries), "q_norm"),
                          .key = turned(heads("k_proj", common.heads.keys), "k_norm"),
                          .value = heads("v_proj", common.heads.keys)};
  const Value seen =
      causal_attention(all, sequences, {.scale = config.score_scale, .softcap = config.attn_logit_softcapping, .window_left = window});
  return projection(seen, weights / "o_proj", common.hidden_size, common.output_bias);
}

void build(const ModelContext& context, const GemmaConfig& config) {
  const LlamaConfig& common = config.common;
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_if_there(context.weights, "model");
  const RotaryTables full = rotary_tables(text.positions, common.rotary);
  const RotaryTables sliding = rotary_tables(text.positions, config.sliding_rotary);

  const Value words = (weights / "embed_tokens").get("weight", {common.vocab_size, common.hidden_size});
  Value x = gather(words, text.ids) * std::sqrt(static_cast<float>(common.hidden_size));
  for (std::int64_t i = 0; i < common.num_hidden_layers; ++i) {
    const Weights layer = weights / "layers" / i;
    const std::int64_t window = common.windows[static_cast<std::size_t>(i)];
    const Value normed = norm(x, layer / "input_layernorm", config);
    const Value attended = attention_block(normed, text.sequences, window < 0 ? full : sliding, window, layer / "self_attn", config);
    x = x + norm(attended, layer / "post_attention_layernorm", config);
    const Value narrow = gated_mlp(norm(x, layer / "pre_feedforward_layernorm", config), layer / "mlp", common);
    x = x + norm(narrow, layer / "post_feedforward_layernorm", config);
  }
  decoder_outputs(context, {.hidden = norm(x, weights / "norm", config),
                            .sequences = text.sequences,
                            .words = words,
                            .tied = common.tie_word_embeddings,
                            .softcap = config.final_logit_softcapping});
}

}  // namespace

void build_gemma2(const ModelContext& context) {
  GemmaConfig config = gemma_config(context.config, 2);
  config.attn_logit_softcapping = softcap_of(context.config, "attn_logit_softcapping", 50);
  config.final_logit_softcapping = softcap_of(context.config, "final_logit_softcapping", 30);
  build(context, config);
}

void build_gemma3_text(const ModelContext& context) {
  const Config& fields = context.config;
  GemmaConfig config = gemma_config(fields, fields.integer_or("sliding_window_pattern", 6));
  const std::int64_t size = config.common.heads.size;
  config.common.head_norms = true;
  config.final_logit_softcapping = softcap_of(fields, "final_logit_softcapping", 0);
  config.common.rotary = rotary_frequencies(fields, size, {.theta = 1'000'000, .kind = "full_attention"});
  config.sliding_rotary =
      rotary_frequencies(fields, size, {.theta_field = "rope_local_base_freq", .kind = "sliding_attention", .scaled = false});
  build(context, config);
}

}  // namespace accelerate::models

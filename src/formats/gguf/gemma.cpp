// Gemma 2 and the text model of Gemma 3.
#include "formats/gguf/architecture.h"

namespace accelerate::gguf {
namespace {

constexpr auto tensors = std::to_array<TensorName>({
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm", Layout::plus_one},
    {"output", "lm_head"},
    {"blk.{}.attn_norm", "model.layers.{}.input_layernorm", Layout::plus_one},
    {"blk.{}.attn_q", "model.layers.{}.self_attn.q_proj"},
    {"blk.{}.attn_q_norm", "model.layers.{}.self_attn.q_norm", Layout::plus_one},
    {"blk.{}.attn_k", "model.layers.{}.self_attn.k_proj"},
    {"blk.{}.attn_k_norm", "model.layers.{}.self_attn.k_norm", Layout::plus_one},
    {"blk.{}.attn_v", "model.layers.{}.self_attn.v_proj"},
    {"blk.{}.attn_output", "model.layers.{}.self_attn.o_proj"},
    {"blk.{}.post_attention_norm", "model.layers.{}.post_attention_layernorm", Layout::plus_one},
    {"blk.{}.ffn_norm", "model.layers.{}.pre_feedforward_layernorm", Layout::plus_one},
    {"blk.{}.post_ffw_norm", "model.layers.{}.post_feedforward_layernorm", Layout::plus_one},
    {"blk.{}.ffn_gate", "model.layers.{}.mlp.gate_proj"},
    {"blk.{}.ffn_up", "model.layers.{}.mlp.up_proj"},
    {"blk.{}.ffn_down", "model.layers.{}.mlp.down_proj"},
});

constexpr NumberRange cap{.minimum = 0, .maximum = 1e6};

/// What both have. Files do not hold the number that scores are divided by the root of: it is a head's size, but for the largest
/// model, which has `largest` blocks.
Json config_of(const Fields& fields, std::int64_t largest) {
  Json config = common_config(fields);
  const std::int64_t size = head_size_of(fields);
  const bool is_largest = fields.integer("block_count") == largest;
  config["head_dim"] = size;
  config["query_pre_attn_scalar"] = is_largest ? fields.integer("embedding_length") / fields.integer("attention.head_count") : size;
  config["rms_norm_eps"] = fields.number("attention.layer_norm_rms_epsilon", {.minimum = 0, .maximum = 1});
  return config;
}

Json gemma2_config(const Fields& fields) {
  Json config = config_of(fields, 46);
  config["sliding_window"] = fields.integer_or("attention.sliding_window", 4096);
  if (fields.integer_or("attention.sliding_window_pattern", 2) != 2)
    fields.refuse("attention.sliding_window_pattern", "2", ErrorKind::unsupported);
  config["attn_logit_softcapping"] = fields.number_or("attn_logit_softcapping", 50, cap);
  config["final_logit_softcapping"] = fields.number_or("final_logit_softcapping", 30, cap);
  add_rotary(fields, config);
  return config;
}

Json gemma3_config(const Fields& fields) {
  Json config = config_of(fields, 62);
  config["final_logit_softcapping"] = fields.number_or("final_logit_softcapping", 0, cap);
  const std::int64_t window = fields.integer_or("attention.sliding_window", 0, {.minimum = 0});
  config["sliding_window"] = window > 0 ? window : 4096;
  config["sliding_window_pattern"] = window == 0 ? 1 : fields.integer_or("attention.sliding_window_pattern", 6);
  add_rotary(fields, config);
  config["rope_theta"] = fields.number_or("rope.freq_base", 1'000'000, {.minimum = 1e-6, .maximum = 1e12});
  config["rope_local_base_freq"] = fields.number_or("rope.freq_base_swa", 10000, {.minimum = 1e-6, .maximum = 1e12});
  return config;
}

}  // namespace

constinit const Architecture gemma2{
    .name = "gemma2", .model_type = "gemma2", .causal_lm = "Gemma2ForCausalLM", .tensors = tensors, .config = gemma2_config};
constinit const Architecture gemma3{
    .name = "gemma3", .model_type = "gemma3_text", .causal_lm = "Gemma3ForCausalLM", .tensors = tensors, .config = gemma3_config};

}  // namespace accelerate::gguf

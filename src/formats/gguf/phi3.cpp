// Phi-3.
#include "formats/gguf/architecture.h"

namespace accelerate::gguf {
namespace {

constexpr auto tensors = std::to_array<TensorName>({
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
    {"blk.{}.attn_norm", "model.layers.{}.input_layernorm"},
    {"blk.{}.attn_qkv", "model.layers.{}.self_attn.qkv_proj"},
    {"blk.{}.attn_output", "model.layers.{}.self_attn.o_proj"},
    {"blk.{}.ffn_norm", "model.layers.{}.post_attention_layernorm"},
    {"blk.{}.ffn_up", "model.layers.{}.mlp.gate_up_proj"},
    {"blk.{}.ffn_down", "model.layers.{}.mlp.down_proj"},
});

Json config_of(const Fields& fields) {
  Json config = common_config(fields);
  const std::int64_t size = head_size_of(fields);
  config["rms_norm_eps"] = fields.number("attention.layer_norm_rms_epsilon", {.minimum = 0, .maximum = 1});
  if (const std::int64_t window = fields.integer_or("attention.sliding_window", 0, {.minimum = 0}); window > 0)
    config["sliding_window"] = window;
  add_rotary(fields, config);
  if (fields.has_tensor("rope_factors_long.weight")) config["rope_scaling"] = {{"rope_type", "longrope"}};
  config["partial_rotary_factor"] =
      static_cast<double>(fields.integer_or("rope.dimension_count", size, {.minimum = 1, .maximum = size})) / static_cast<double>(size);
  return config;
}

}  // namespace

constinit const Architecture phi3{
    .name = "phi3", .model_type = "phi3", .causal_lm = "Phi3ForCausalLM", .tensors = tensors, .config = config_of};

}  // namespace accelerate::gguf

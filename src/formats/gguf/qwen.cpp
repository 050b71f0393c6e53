// Qwen2 and Qwen3.
#include "formats/gguf/architecture.h"

namespace accelerate::gguf {
namespace {

constexpr auto tensors = std::to_array<TensorName>({
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
    {"blk.{}.attn_norm", "model.layers.{}.input_layernorm"},
    {"blk.{}.attn_q", "model.layers.{}.self_attn.q_proj"},
    {"blk.{}.attn_q_norm", "model.layers.{}.self_attn.q_norm"},
    {"blk.{}.attn_k", "model.layers.{}.self_attn.k_proj"},
    {"blk.{}.attn_k_norm", "model.layers.{}.self_attn.k_norm"},
    {"blk.{}.attn_v", "model.layers.{}.self_attn.v_proj"},
    {"blk.{}.attn_output", "model.layers.{}.self_attn.o_proj"},
    {"blk.{}.ffn_norm", "model.layers.{}.post_attention_layernorm"},
    {"blk.{}.ffn_gate", "model.layers.{}.mlp.gate_proj"},
    {"blk.{}.ffn_up", "model.layers.{}.mlp.up_proj"},
    {"blk.{}.ffn_down", "model.layers.{}.mlp.down_proj"},
});

Json config_of(const Fields& fields) {
  Json config = common_config(fields);
  config["head_dim"] = head_size_of(fields);
  config["rms_norm_eps"] = fields.number("attention.layer_norm_rms_epsilon", {.minimum = 0, .maximum = 1});
  config["attention_bias"] = fields.has_tensor("blk.0.attn_q.bias");
  add_rotary(fields, config);
  return config;
}

}  // namespace

constinit const Architecture qwen2{
    .name = "qwen2", .model_type = "qwen2", .causal_lm = "Qwen2ForCausalLM", .tensors = tensors, .config = config_of};
constinit const Architecture qwen3{
    .name = "qwen3", .model_type = "qwen3", .causal_lm = "Qwen3ForCausalLM", .tensors = tensors, .config = config_of};

}  // namespace accelerate::gguf

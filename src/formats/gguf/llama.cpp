// LLaMA, and Mistral, whose files bear LLaMA's name.
#include "formats/gguf/architecture.h"

namespace accelerate::gguf {
namespace {

constexpr auto tensors = std::to_array<TensorName>({
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
    {"rope_freqs", ""},
    {"blk.{}.attn_norm", "model.layers.{}.input_layernorm"},
    {"blk.{}.attn_q", "model.layers.{}.self_attn.q_proj", Layout::query_pairs},
    {"blk.{}.attn_k", "model.layers.{}.self_attn.k_proj", Layout::key_pairs},
    {"blk.{}.attn_v", "model.layers.{}.self_attn.v_proj"},
    {"blk.{}.attn_output", "model.layers.{}.self_attn.o_proj"},
    {"blk.{}.ffn_norm", "model.layers.{}.post_attention_layernorm"},
    {"blk.{}.ffn_gate", "model.layers.{}.mlp.gate_proj"},
    {"blk.{}.ffn_up", "model.layers.{}.mlp.up_proj"},
    {"blk.{}.ffn_down", "model.layers.{}.mlp.down_proj"},
});

Json config_of(const Fields& fields) {
  Json config = common_config(fields);
  const std::int64_t size = head_size_of(fields);
  config["head_dim"] = size;
  config["rms_norm_eps"] = fields.number("attention.layer_norm_rms_epsilon", {.minimum = 0, .maximum = 1});
  config["attention_bias"] = fields.has_tensor("blk.0.attn_q.bias");
  config["mlp_bias"] = fields.has_tensor("blk.0.ffn_up.bias");
  if (fields.integer_or("rope.dimension_count", size) != size)
    fields.refuse("rope.dimension_count", std::to_string(size) + ", a head's size", ErrorKind::unsupported);
  add_rotary(fields, config);
  return config;
}

}  // namespace

constinit const Architecture llama{
    .name = "llama", .model_type = "llama", .causal_lm = "LlamaForCausalLM", .tensors = tensors, .config = config_of};

}  // namespace accelerate::gguf

// GPT-NeoX, and Pythia.
#include "formats/gguf/architecture.h"

namespace accelerate::gguf {
namespace {

constexpr auto tensors = std::to_array<TensorName>({
    {"token_embd", "gpt_neox.embed_in"},
    {"output_norm", "gpt_neox.final_layer_norm"},
    {"output", "embed_out"},
    {"blk.{}.attn_norm", "gpt_neox.layers.{}.input_layernorm"},
    {"blk.{}.attn_qkv", "gpt_neox.layers.{}.attention.query_key_value", Layout::thirds},
    {"blk.{}.attn_output", "gpt_neox.layers.{}.attention.dense"},
    {"blk.{}.ffn_norm", "gpt_neox.layers.{}.post_attention_layernorm"},
    {"blk.{}.ffn_up", "gpt_neox.layers.{}.mlp.dense_h_to_4h"},
    {"blk.{}.ffn_down", "gpt_neox.layers.{}.mlp.dense_4h_to_h"},
});

Json config_of(const Fields& fields) {
  Json config = common_config(fields);
  const std::int64_t size = head_size_of(fields);
  config["layer_norm_eps"] = fields.number("attention.layer_norm_epsilon", {.minimum = 0, .maximum = 1});
  config["use_parallel_residual"] = fields.boolean_or("use_parallel_residual", true);
  config["attention_bias"] = fields.has_tensor("blk.0.attn_qkv.bias");
  add_rotary(fields, config);
  config["rotary_emb_base"] = config["rope_theta"];
  config["rotary_pct"] =
      static_cast<double>(fields.integer_or("rope.dimension_count", size, {.minimum = 1, .maximum = size})) / static_cast<double>(size);
  return config;
}

}  // namespace

constinit const Architecture gpt_neox{
    .name = "gptneox", .model_type = "gpt_neox", .causal_lm = "GPTNeoXForCausalLM", .tensors = tensors, .config = config_of};

}  // namespace accelerate::gguf

// GPT-2, whose matrices transformers has as [in, out].
#include "formats/gguf/architecture.h"

namespace accelerate::gguf {
namespace {

constexpr auto tensors = std::to_array<TensorName>({
    {"token_embd", "transformer.wte"},
    {"position_embd", "transformer.wpe"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
    {"blk.{}.attn_norm", "transformer.h.{}.ln_1"},
    {"blk.{}.attn_qkv", "transformer.h.{}.attn.c_attn", Layout::transposed},
    {"blk.{}.attn_output", "transformer.h.{}.attn.c_proj", Layout::transposed},
    {"blk.{}.ffn_norm", "transformer.h.{}.ln_2"},
    {"blk.{}.ffn_up", "transformer.h.{}.mlp.c_fc", Layout::transposed},
    {"blk.{}.ffn_down", "transformer.h.{}.mlp.c_proj", Layout::transposed},
});

Json config_of(const Fields& fields) {
  Json config = common_config(fields);
  config["n_inner"] = config["intermediate_size"];
  config["layer_norm_epsilon"] = fields.number("attention.layer_norm_epsilon", {.minimum = 0, .maximum = 1});
  return config;
}

}  // namespace

constinit const Architecture gpt2{
    .name = "gpt2", .model_type = "gpt2", .causal_lm = "GPT2LMHeadModel", .tensors = tensors, .config = config_of};

}  // namespace accelerate::gguf

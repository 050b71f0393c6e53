// BLOOM.
#include "formats/gguf/architecture.h"

namespace accelerate::gguf {
namespace {

constexpr auto tensors = std::to_array<TensorName>({
    {"token_embd", "transformer.word_embeddings"},
    {"token_embd_norm", "transformer.word_embeddings_layernorm"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
    {"blk.{}.attn_norm", "transformer.h.{}.input_layernorm"},
    {"blk.{}.attn_qkv", "transformer.h.{}.self_attention.query_key_value", Layout::thirds},
    {"blk.{}.attn_output", "transformer.h.{}.self_attention.dense"},
    {"blk.{}.ffn_norm", "transformer.h.{}.post_attention_layernorm"},
    {"blk.{}.ffn_up", "transformer.h.{}.mlp.dense_h_to_4h"},
    {"blk.{}.ffn_down", "transformer.h.{}.mlp.dense_4h_to_h"},
});

Json config_of(const Fields& fields) {
  Json config = common_config(fields);
  if (config["intermediate_size"] != 4 * config["hidden_size"].get<std::int64_t>())
    fields.refuse("feed_forward_length", "four times the embedding's length", ErrorKind::unsupported);
  config.erase("max_position_embeddings");  // its scores fall with the distance, at any length
  config["layer_norm_epsilon"] = fields.number("attention.layer_norm_epsilon", {.minimum = 0, .maximum = 1});
  return config;
}

}  // namespace

constinit const Architecture bloom{
    .name = "bloom", .model_type = "bloom", .causal_lm = "BloomForCausalLM", .tensors = tensors, .config = config_of};

}  // namespace accelerate::gguf

// Qwen2 (Yang et al., 2024) and Qwen3 (2025): LLaMA's decoder with biases where queries, keys and values are made, or with a
// norm of each head instead; the upper layers may see a window alone.
#include "models/llama.h"

namespace accelerate::models {
namespace {

LlamaConfig qwen_config(const Config& config) {
  LlamaConfig result = LlamaConfig::from(config);
  if (!config.boolean_or("use_sliding_window", false)) return result;
  const std::int64_t first = config.integer_or("max_window_layers", 28, {.minimum = 0});
  result.set_windows(config.integer_or("sliding_window", 4096),
                     sliding_layers(config, result.num_hidden_layers, [&](std::int64_t i) { return i >= first; }));
  return result;
}

}  // namespace

void build_qwen2(const ModelContext& context) {
  LlamaConfig config = qwen_config(context.config);
  config.qkv_bias = true;
  build_like_llama(context, config);
}

void build_qwen3(const ModelContext& context) {
  LlamaConfig config = qwen_config(context.config);
  config.head_norms = true;
  config.qkv_bias = config.output_bias = context.config.boolean_or("attention_bias", false);
  build_like_llama(context, config);
}

}  // namespace accelerate::models

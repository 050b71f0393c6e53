// Mistral (Jiang et al., 2023): LLaMA's decoder, in whose first versions every layer sees a window alone.
#include "models/llama.h"

namespace accelerate::models {

void build_mistral(const ModelContext& context) {
  LlamaConfig config = LlamaConfig::from(context.config);
  if (!context.config.is_null("sliding_window"))
    config.set_windows(context.config.integer_or("sliding_window", 4096), std::vector<bool>(config.windows.size(), true));
  build_like_llama(context, config);
}

}  // namespace accelerate::models

// Phi-3 (Abdin et al., 2024): LLaMA's decoder with fused projections, and in some sizes rotary positions in a part of each head.
#include <fmt/format.h>

#include "ipfs_accelerate/error.h"
#include "models/llama.h"

namespace accelerate::models {

void build_phi3(const ModelContext& context) {
  const RotaryOptions rotary{.share_field = "partial_rotary_factor"};
  // Other types stand for longrope here, whose frequencies depend on how long the longest text of a batch is.
  if (const std::string type = rotary_type(context.config, rotary); type != "default")
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: rotary positions of type '{}' are not supported in phi3, only default", context.config.source(), type));
  LlamaConfig config = LlamaConfig::from(context.config, rotary);
  config.fused_projections = true;
  if (context.config.has("sliding_window"))
    config.set_windows(context.config.integer("sliding_window"), std::vector<bool>(config.windows.size(), true));
  build_like_llama(context, config);
}

}  // namespace accelerate::models

// mT5 (Xue et al., 2021) and umT5 (Chung et al., 2023): T5 v1.1 for many languages. mT5's states are projected as they are; umT5's are
// scaled first, and every layer of it has a bias by distance of its own.
#include "models/t5.h"

namespace accelerate::models {

void build_mt5(const ModelContext& context) { build_like_t5(context, T5Config::from(context.config)); }

void build_umt5(const ModelContext& context) {
  T5Config config = T5Config::from(context.config);
  config.bias_in_every_layer = true;
  config.scale_decoder_outputs = true;
  build_like_t5(context, config);
}

}  // namespace accelerate::models

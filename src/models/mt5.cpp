// mT5 (Xue et al., 2021) and umT5 (Chung et al., 2023): T5 v1.1 for many languages, whose states are projected as they are; in
// umT5, every layer has a bias by distance of its own.
#include "models/t5.h"

namespace accelerate::models {

void build_mt5(const ModelContext& context) { build_like_t5(context, T5Config::from(context.config)); }

void build_umt5(const ModelContext& context) {
  T5Config config = T5Config::from(context.config);
  config.bias_in_every_layer = true;
  build_like_t5(context, config);
}

}  // namespace accelerate::models

// mT5 (Xue et al., 2021): T5 v1.1 for many languages, whose states are projected as they are.
#include "models/t5.h"

namespace accelerate::models {

void build_mt5(const ModelContext& context) { build_like_t5(context, T5Config::from(context.config)); }

}  // namespace accelerate::models

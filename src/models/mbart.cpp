// mBART (Liu et al., 2020) and mBART-50: BART with norms before each block, and one behind each stack.
#include "models/bart.h"

namespace accelerate::models {

void build_mbart(const ModelContext& context) {
  BartConfig config = BartConfig::from(context.config);
  config.norm_before = true;
  build_like_bart(context, config, two_texts(context, config.decoder_start_token_id));
}

}  // namespace accelerate::models

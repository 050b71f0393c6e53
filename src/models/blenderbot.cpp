// Blenderbot (Roller et al., 2020): BART that answers in a conversation; the larger ones have norms before each block.
#include "models/bart.h"

namespace accelerate::models {

void build_blenderbot(const ModelContext& context) {
  BartConfig config = BartConfig::from(context.config);
  config.norm_before = true;
  config.norm_embeddings = false;
  config.unused_positions = 0;
  build_like_bart(context, config, two_texts(context, config.decoder_start_token_id));
}

void build_blenderbot_small(const ModelContext& context) {
  BartConfig config = BartConfig::from(context.config);
  config.decoder_norm_before_positions = true;
  config.unused_positions = 0;
  build_like_bart(context, config, two_texts(context, config.decoder_start_token_id));
}

}  // namespace accelerate::models

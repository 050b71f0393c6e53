// Pegasus (Zhang et al., 2020): BART with norms before each block and sinusoidal positions.
#include "models/bart.h"

namespace accelerate::models {

void build_pegasus(const ModelContext& context) {
  BartConfig config = BartConfig::from(context.config);
  config.norm_before = true;
  config.norm_embeddings = false;
  config.sinusoidal_positions = true;
  config.unused_positions = 0;
  build_like_bart(context, config, two_texts(context, config.decoder_start_token_id));
}

}  // namespace accelerate::models

// T5's parts, as its siblings use them.
#pragma once

#include "models/encoder_decoder.h"

namespace accelerate::models {

/// The fields of config.json, under their own names, and in what siblings differ.
struct T5Config {
  std::int64_t vocab_size;
  std::int64_t d_model;
  std::int64_t d_kv;
  std::int64_t d_ff;
  std::int64_t num_layers;
  std::int64_t num_decoder_layers;
  std::int64_t num_heads;
  DistanceColumns distances;
  UnaryFunction activation;
  bool is_gated;
  NormOptions layer_norm;
  std::int64_t decoder_start_token_id;
  bool scale_decoder_outputs = false;  ///< they are divided by √d_model before their projection
  bool is_tied = false;                ///< the projection is the table of words even where the checkpoint has one of its own
  bool bias_in_every_layer = false;    ///< each layer has a bias by distance of its own, not the first's

  static T5Config from(const Config& config);
};

/// Fills the context's graph with a model like T5.
void build_like_t5(const ModelContext& context, const T5Config& config);

}  // namespace accelerate::models

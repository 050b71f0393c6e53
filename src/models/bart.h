// BART's parts, as its siblings use them.
#pragma once

#include <functional>

#include "models/encoder_decoder.h"

namespace accelerate::models {

/// One of the two stacks of layers.
struct BartStackConfig {
  std::int64_t layers;
  std::int64_t attention_heads;
  std::int64_t ffn_dim;
  std::int64_t max_position_embeddings;
};

/// The fields of config.json, under their own names, and in what siblings differ.
struct BartConfig {
  std::int64_t vocab_size;
  std::int64_t d_model;
  BartStackConfig encoder;
  BartStackConfig decoder;
  UnaryFunction activation_function;
  float embedding_scale;
  std::int64_t decoder_start_token_id;
  bool tie_word_embeddings;
  std::string_view place = "model";            ///< of the weights but for the heads'
  std::int64_t unused_positions = 2;           ///< rows of the tables of positions that no token uses
  bool norm_before = false;                    ///< each block's norm is before it, and one more behind the last layer
  bool norm_embeddings = true;                 ///< the embeddings are normalised
  bool decoder_norm_before_positions = false;  ///< in the decoder, before positions are added
  bool sinusoidal_positions = false;           ///< a checkpoint may leave the tables of positions out

  /// `encoder_positions` and `decoder_positions` name the fields with the positions' numbers.
  static BartConfig from(const Config& config, std::string_view encoder_positions = "max_position_embeddings",
                         std::string_view decoder_positions = "max_position_embeddings");
};

/// Self-attention and its output projection in layer `layer` of the encoder, whose weights are `weights`: x [tokens, hidden].
using EncoderAttention = std::function<Value(Value x, std::int64_t layer, const Weights& weights)>;

/// Fills the context's graph with a model like BART, whose encoder attends in a way of its own where one is given.
void build_like_bart(const ModelContext& context, const BartConfig& config, const TwoTexts& texts, const EncoderAttention& attention = {});

}  // namespace accelerate::models

// DeBERTa's parts, as its second version uses them.
#pragma once

#include "models/blocks.h"

namespace accelerate::models {

/// The fields of config.json that shape DeBERTa and DeBERTa-v2, under their own names.
struct DebertaConfig {
  std::int64_t vocab_size;
  std::int64_t embedding_size;
  std::int64_t hidden_size;
  std::int64_t num_hidden_layers;
  std::int64_t num_attention_heads;
  std::int64_t intermediate_size;
  std::int64_t max_position_embeddings;
  std::int64_t type_vocab_size;
  std::int64_t max_relative_positions;
  std::int64_t num_labels;
  UnaryFunction hidden_act;
  UnaryFunction pooler_hidden_act;
  NormOptions layer_norm;
  bool position_biased_input;
  bool relative_attention;
  bool content_to_position;
  bool position_to_content;
  bool tie_word_embeddings;

  static DebertaConfig from(const Config& config);

  std::int64_t head_size() const { return hidden_size / num_attention_heads; }

  /// What scores are scaled by: of the content, and of each kind of position that joins it.
  float score_scale() const;
};

/// Queries, keys and values of an attention, [tokens, heads, size] each, and its bias by distance.
struct DebertaHeads {
  Value query;
  Value key;
  Value value;
  PositionBias bias;
};

/// Word rows and, where the model has them, position and token-type rows, normalised: [tokens, hidden].
Value deberta_embeddings(const TextInputs& text, const Weights& weights, const DebertaConfig& config);

/// What a layer does around its attention: projection, MLP, each with residual and norm. x: [tokens, hidden].
Value deberta_layer(Value x, const DebertaHeads& heads, Value sequences, const Weights& weights, const DebertaConfig& config);

/// Scores of each token of `heads` [tokens, heads, size] against the rows of `table` [columns, heads · size], scaled:
/// [tokens, heads, columns].
Value scores_by_column(Value heads, Value table, const DebertaConfig& config);

/// Declares the outputs of the context's head on hidden [tokens, hidden]; the encoder's own weights are at `encoder`.
void deberta_outputs(const ModelContext& context, Value hidden, const TextInputs& text, const Weights& encoder,
                     const DebertaConfig& config);

}  // namespace accelerate::models

// BERT's parts, as its siblings use them.
#pragma once

#include "models/blocks.h"
#include "models/registry.h"

namespace accelerate::models {

/// The fields of config.json that shape BERT and its siblings, under their own names.
struct BertConfig {
  std::int64_t vocab_size;
  std::int64_t embedding_size;  ///< of the embeddings' rows; hidden_size but for siblings that project them
  std::int64_t hidden_size;
  std::int64_t num_hidden_layers;
  std::int64_t num_attention_heads;
  std::int64_t intermediate_size;
  std::int64_t max_position_embeddings;
  std::int64_t type_vocab_size;
  std::int64_t num_labels;
  UnaryFunction hidden_act;
  NormOptions layer_norm;
  bool tie_word_embeddings;

  static BertConfig from(const Config& config);
};

/// Word, position and token-type rows, summed and normalised: [tokens, embedding].
Value bert_embeddings(const TextInputs& text, Value positions, const Weights& weights, const BertConfig& config);

/// All encoder layers, x [tokens, hidden] to [tokens, hidden].
Value bert_encoder(Value x, Value sequences, const Weights& weights, const BertConfig& config);

/// The first token's state through the linear layer `dense` and tanh: [sequences, hidden].
Value bert_pooler(Value hidden, Value sequences, const Weights& weights);

/// Declares the base model's outputs: last_hidden_state [tokens, hidden] and, where the checkpoint has a pooler,
/// pooler_output [sequences, hidden].
void bert_base_outputs(Value hidden, Value sequences, const Weights& weights);

/// Declares the outputs of the context's head, whose weights stand in the checkpoint as BERT's do; `weights` is the
/// encoder's place, which has the pooler.
void bert_outputs(const ModelContext& context, Value hidden, Value sequences, const Weights& weights, const BertConfig& config);

}  // namespace accelerate::models

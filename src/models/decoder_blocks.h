// Parts that causal language models share. Each model is written as the plain network over whole texts: no word here or in a
// model's file tells of text that was read in an earlier call.
#pragma once

#include <initializer_list>

#include "models/blocks.h"

namespace accelerate {

/// Whichever of a field's names config.json has; the first where it has none.
std::string_view field_among(const Config& config, std::initializer_list<std::string_view> names);

/// The heads of attention. Where keys and values have fewer, as many of the queries' share one.
struct AttentionHeads {
  std::int64_t queries;
  std::int64_t keys;
  std::int64_t size;
};

/// What attends to what, each [tokens, heads, size].
struct QueryKeyValue {
  Value query;
  Value key;
  Value value;
};

/// Columns [first, first + count) of x [..., columns].
Value columns_of(Value x, std::int64_t first, std::int64_t count);

/// x [tokens, 3 · heads · size], which has all queries first, then all keys, then all values.
QueryKeyValue split_in_thirds(Value x, std::int64_t heads);

/// x [tokens, 3 · heads · size], which has each head's query, key and value beside each other.
QueryKeyValue split_head_by_head(Value x, std::int64_t heads);

/// 1 / √size, by which most models scale their scores.
float inverse_root(double size);

/// Attention of each token to those up to its own place, as `options` says beside that: [tokens, heads · size].
Value causal_attention(const QueryKeyValue& x, Value sequences, AttentionOptions options, const PositionBias& bias = {});

/// rms_norm with the place's `weight`.
Value rms_norm(Value x, const Weights& weights, NormOptions options);

/// What stands on a decoder's last states.
struct DecoderOutputs {
  Value hidden;                             ///< the states after the last norm [tokens, hidden]
  Value sequences;                          ///< [sequences + 1]
  Value words;                              ///< the word embeddings [vocabulary, hidden]
  bool tied;                                ///< whether these are the projection to logits too
  std::string_view projection = "lm_head";  ///< the place of the projection's own weight and bias
  bool projection_bias = false;
  float softcap = 0;  ///< logits x become softcap · tanh(x / softcap); 0: they stay
};

/// Declares what the context's head asks for: last_hidden_state [tokens, hidden]; the logits of the next token at each token
/// [tokens, vocabulary]; or those of the labels of each text [sequences, labels], from its last token.
void decoder_outputs(const ModelContext& context, const DecoderOutputs& outputs);

/// The place of a decoder's weights: below `name`, or at the top in checkpoints that were saved without a head.
Weights below_if_there(const Weights& weights, std::string_view name);

}  // namespace accelerate

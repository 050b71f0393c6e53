// Parts that several architectures share.
#pragma once

#include "graph/ops.h"
#include "models/registry.h"

namespace accelerate {

/// A ragged batch of text: all tokens of all sequences in a row.
struct TextInputs {
  Value ids;        ///< input_ids [tokens]
  Value types;      ///< token_type_ids [tokens]
  Value positions;  ///< place of each token in its row of the batch [tokens]
  Value sequences;  ///< where each sequence begins, and the end [sequences + 1]
};

/// Declares the inputs of a text model; those that the model does not use are dropped with the dead nodes.
TextInputs text_inputs(Graph& graph);

/// The activation that config.json calls `name`: "gelu" is exact, "gelu_new" is the tanh form. Throws unsupported.
UnaryFunction activation_named(std::string_view name);

/// `num_attention_heads` of config.json. Throws invalid_file unless it divides `hidden`.
std::int64_t heads_of(const Config& config, std::int64_t hidden);

struct SelfAttentionOptions {
  std::int64_t heads;
  std::string_view query = "query";
  std::string_view key = "key";
  std::string_view value = "value";
  PositionBias bias = {};
};

/// Bidirectional self-attention of x [tokens, hidden] with scores scaled by 1/√size: [tokens, hidden], before any output
/// projection.
Value self_attention(Value x, Value sequences, const Weights& weights, SelfAttentionOptions options);

/// Distances in `buckets` columns, half of them for keys after the query: near ones each in their own, farther ones in
/// columns that grow by powers up to `farthest` (Raffel et al., 2020; transformers' relative_position_bucket):
/// [2 · farthest + 1].
Value logarithmic_columns(Graph& graph, std::int64_t buckets, std::int64_t farthest);

/// Logits of every entry of the vocabulary, x [tokens, hidden] · tableᵀ + bias [vocabulary], where the table is the word
/// embeddings when they are tied, and else the `own` place's weight: [tokens, vocabulary].
Value tied_projection(Value x, const Weights& embeddings, const Weights& own, Value bias, bool tied);

/// The place of the encoder's weights: below `name` in a checkpoint with a head, often at the top in one without.
Weights below_optional(const Weights& weights, std::string_view name, Head head);

}  // namespace accelerate

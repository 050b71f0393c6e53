// Parts that several architectures share.
#pragma once

#include <functional>
#include <vector>

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

/// The number of attention heads, by config.json's name for it. Throws invalid_file unless it divides `hidden`.
std::int64_t heads_of(const Config& config, std::int64_t hidden, std::string_view field = "num_attention_heads");

/// A linear layer with the place's `weight`, and its `bias` if it is to have one: [..., in] to [..., outputs].
Value projection(Value x, const Weights& weights, std::int64_t outputs, bool bias);

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

/// How distances fall into the columns of a table of biases (Raffel et al., 2020).
struct DistanceColumns {
  std::int64_t buckets;    ///< columns
  std::int64_t farthest;   ///< distances beyond this count as it
  bool both_sides = true;  ///< half of the columns are for keys after the query; otherwise all are for keys before it
};

/// The column of each distance: near ones each in their own, farther ones in columns that grow by powers up to the farthest
/// (transformers' relative_position_bucket): [2 · farthest + 1].
Value logarithmic_columns(Graph& graph, DistanceColumns distances);

struct FeedForwardOptions {
  std::int64_t intermediate_size;
  UnaryFunction activation;
};

/// A linear layer to the intermediate size, an activation, and a linear layer back: x [tokens, hidden] to [tokens, hidden].
Value feed_forward(Value x, const Weights& up, const Weights& down, FeedForwardOptions options);

/// Whether each layer sees a window alone, as config.json's "layer_types" says; where it says nothing, as `otherwise` does.
/// Throws unsupported for other types of layers.
std::vector<bool> sliding_layers(const Config& config, std::int64_t layers, const std::function<bool(std::int64_t)>& otherwise);

/// The state of each sequence's first token: [sequences, hidden].
Value first_token(Value hidden, Value sequences);

/// Logits of every entry of the vocabulary, x [tokens, hidden] · tableᵀ + bias [vocabulary], where the table is the weight
/// of `words`, the word embeddings, when they are tied; else that of `own`, whose bias then counts too: [tokens, vocabulary].
Value tied_projection(Value x, const Weights& words, const Weights& own, Value bias, bool tied);

/// Declares the logits of each token's label [tokens, labels], by the linear layer at `weights`.
void token_classification_outputs(Value hidden, const Weights& weights, std::int64_t labels);

/// Declares how well an answer would start, and end, at each token, by the linear layer at `weights`: start_logits and
/// end_logits [tokens].
void question_answering_outputs(Value hidden, const Weights& weights);

/// The place of the encoder's weights: below `name` in a checkpoint with a head, often at the top in one without.
Weights below_optional(const Weights& weights, std::string_view name, Head head);

}  // namespace accelerate

// Longformer's parts, as LED uses them.
#pragma once

#include "models/blocks.h"

namespace accelerate::models {

/// How far each layer's tokens see to either side, from "attention_window", which counts both sides.
std::vector<std::int64_t> reaches_of(const Config& config, std::int64_t layers);

/// The global tokens of a batch, and all tokens of those sequences that have any.
struct GlobalTokens {
  Value mask;            ///< whether a token is global: booleans [tokens]
  Value rows;            ///< rows of the global tokens [global tokens]
  Value sequences;       ///< where each sequence's global tokens begin, and the end [sequences + 1]
  Value seen_rows;       ///< rows of the tokens that they see [seen tokens]
  Value seen_sequences;  ///< where each sequence's seen tokens begin, and the end [sequences + 1]
};

/// Declares the input `global_attention_mask` [tokens], which is as `usual` says where a caller leaves it out, and those that
/// follow from it (runtime/default_inputs.h).
GlobalTokens global_tokens(Graph& graph, MarkedTokens usual);

struct WindowOptions {
  std::int64_t heads;
  std::int64_t reach;  ///< tokens to either side that are seen
};

/// Attention of x [tokens, hidden] within a window and to global tokens, before any output projection; rows of global tokens are
/// those of attention to their whole text, by projections of their own: [tokens, hidden].
Value windowed_attention(Value x, Value sequences, const GlobalTokens& global, const Weights& weights, WindowOptions options);

}  // namespace accelerate::models

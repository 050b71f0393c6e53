#pragma once

#include <string_view>

#include "graph/graph.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// Whether the graph has an input of that name, which some node reads once passes have dropped the others.
bool reads(const Graph& graph, std::string_view input);

/// Whether a value of that type has a row a token.
bool rows_a_token(const ValueType& type);

/// Whether a value of that type has a row a token of what a decoder writes that reads another text.
bool rows_a_decoder_token(const ValueType& type);

/// Adds to the inputs of a ragged batch those that `graph` reads and a caller may leave out, as transformers does:
///   - ids of neighbours (`previous_ids`, `next_ids`) follow from input_ids and sequences, -1 at each sequence's ends;
///   - any other row of whole numbers a token, such as token_type_ids or bbox, is zero but for the tokens that the graph marks
///     in it (MarkedTokens);
///   - the places of the tokens that `global_attention_mask` marks (`global_tokens`, `global_sequences`), and of all tokens in
///     the sequences that have any (`seen_tokens`, `seen_sequences`), follow from it.
/// What a batch cannot do without stays missing.
void add_default_inputs(const Graph& graph, TensorMap& inputs);

}  // namespace accelerate

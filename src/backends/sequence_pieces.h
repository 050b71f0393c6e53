// Cutting a call by its sequences: where no sequence's answer depends on another, a call is as well several smaller ones.
// Workers that each take a few sequences through the whole graph need not wait for one another, and what is too large
// for a device's memory fits it piece by piece.
#pragma once

#include <optional>
#include <span>
#include <utility>

#include "graph/graph.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// Whether every output row depends on the inputs of its own sequence alone: inputs are `sequences` and values of
/// [tokens, ...], and no op mixes rows but within the sequences.
bool is_separable(const Graph& graph);

/// Some sequences that stand one after another, and their tokens.
struct Piece {
  std::int64_t first_sequence;
  std::int64_t sequences;
  std::int64_t first_token;
  std::int64_t tokens;
};

/// All sequences of a batch whose `begins` [sequences + 1] rise from 0 to `tokens`; nothing when they do not, which the op
/// that reads them refuses.
std::optional<Piece> whole_batch(std::span<const std::int64_t> begins, std::int64_t tokens);

/// The piece in two, with tokens as even as its sequences allow; nothing when it has but one sequence.
std::optional<std::pair<Piece, Piece>> halves_of(const Piece& piece, std::span<const std::int64_t> begins);

/// The piece's part of the inputs of a separable graph.
TensorMap inputs_of(const Piece& piece, const Graph& graph, const TensorMap& inputs);

/// Tensors for the graph's outputs of a whole call with these sizes, all zeros.
TensorMap empty_outputs(const Graph& graph, const SizeMap& sizes);

/// Copies the piece's outputs to their rows of the whole batch's.
void put_outputs(const Piece& piece, const Graph& graph, const TensorMap& from, TensorMap& to);

}  // namespace accelerate

// Cutting a call by its sequences: where no sequence's answer depends on another, a worker can take a few of them from
// the first op to the last while their values stay in its cache, and wait for nobody.
#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate::cpu {

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

/// The batch in pieces of about as many tokens as a block of rows, or in one piece when `workers` would not be kept busy
/// evenly. `begins` is [sequences + 1]; when it does not rise from 0 to `tokens` the batch stays whole, and the op that
/// reads it tells what is wrong.
std::vector<Piece> cut_batch(std::span<const std::int64_t> begins, std::int64_t tokens, int workers);

/// The piece's part of the inputs of a separable graph.
TensorMap inputs_of(const Piece& piece, const Graph& graph, const TensorMap& inputs);

/// Copies the piece's outputs to their rows of the whole batch's.
void put_outputs(const Piece& piece, const Graph& graph, const TensorMap& from, TensorMap& to);

}  // namespace accelerate::cpu

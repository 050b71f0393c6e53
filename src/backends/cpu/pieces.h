#pragma once

#include <vector>

#include "backends/sequence_pieces.h"

namespace accelerate::cpu {

/// The batch in pieces of about as many tokens as a block of rows, whose values stay in a worker's cache from the first op
/// to the last, or in one piece when `workers` would not be kept busy evenly. `begins` is [sequences + 1]; when it does not
/// rise from 0 to `tokens` the batch stays whole, and the op that reads it tells what is wrong.
std::vector<Piece> cut_batch(std::span<const std::int64_t> begins, std::int64_t tokens, int workers);

}  // namespace accelerate::cpu

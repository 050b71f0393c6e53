#pragma once

#include <span>

#include "graph/graph.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// Features of a token in encoder().
inline constexpr std::int64_t encoder_hidden = 48;

/// One encoder layer over `ids` [tokens] and `sequences` [sequences + 1], with its last hidden states `hidden` [tokens, 48]
/// and their means `mean` [sequences, 48].
Graph encoder();

/// A call with sequences of these lengths, `first_token` being the place of their first token in one endless text.
TensorMap encoder_inputs(std::span<const std::int64_t> lengths, std::int64_t first_token = 0);

}  // namespace accelerate

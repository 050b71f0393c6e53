#pragma once

#include <span>
#include <vector>

#include "backends/sequence_pieces.h"

namespace accelerate::openvino {

/// The batch `begins` [sequences + 1] over `tokens` rows as one share of whole sequences for each worker, so that each goes
/// through the whole model without waiting for the others. Empty when shares would be too small or too uneven for that.
std::vector<Piece> shares_of(std::span<const std::int64_t> begins, std::int64_t tokens, int workers);

}  // namespace accelerate::openvino

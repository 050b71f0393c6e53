#pragma once

#include "backends/reference/definitions.h"

namespace accelerate::reference {

/// Input `index` as bounds of ragged sequences over `tokens` rows: sequence i is rows [bounds[i], bounds[i + 1]). Throws
/// invalid_argument unless they begin at 0, do not descend, and end at `tokens`.
std::span<const std::int64_t> sequence_bounds(const Arguments& arguments, std::size_t index, std::int64_t tokens);

}  // namespace accelerate::reference

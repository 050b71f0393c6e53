#pragma once

#include <cstdint>

#include "formats/config.h"
#include "graph/graph.h"

namespace accelerate {

/// Tokens that a sequence may have: the rows of the model's position table that text can take.
std::int64_t most_tokens(const Config& config, const Graph& graph);

}  // namespace accelerate

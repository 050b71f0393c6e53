#pragma once

#include <cstdint>

#include "formats/config.h"
#include "graph/graph.h"

namespace accelerate {

/// Tokens that a sequence may have: the rows of the model's position table that text can take, or, of a model without one, what
/// config.json says that it was made for; where distances alone count, or it says nothing, there is no limit.
std::int64_t most_tokens(const Config& config, const Graph& graph);

/// The same of what a decoder writes that reads another text.
std::int64_t most_decoder_tokens(const Config& config, const Graph& graph);

}  // namespace accelerate

#pragma once

#include "backends/backend.h"

namespace accelerate {

/// What becomes of constants that the graph transposes or dequantizes for linears, and dequantizes for gathers.
enum class ArrangedWeights : std::uint8_t { stay, are_folded };

/// The graph with what follows from constants alone computed once, by `backend` in float32, and put in its place as
/// constants. Stacks of constants stay, since backends lay weights out from their parts, and so do arranged weights where
/// the caller lays them out from what is stored. Throws as Backend::compile does.
Graph fold_constants(const Graph& graph, const Backend& backend, const CompileOptions& options, ArrangedWeights arranged);

}  // namespace accelerate

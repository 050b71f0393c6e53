#pragma once

#include "backends/backend.h"

namespace accelerate {

/// The graph with what follows from constants alone computed once, by `backend` in float32, and put in its place as
/// constants. Stacks of constants stay, since backends lay weights out from their parts. Throws as Backend::compile does.
Graph fold_constants(const Graph& graph, const Backend& backend, const CompileOptions& options);

}  // namespace accelerate

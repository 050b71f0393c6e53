#pragma once

#include "graph/graph.h"

namespace accelerate {

/// Throws internal, with the node at fault, unless every node follows its op's shape rule, reads only values made before
/// it and makes values of its own, and every output exists. Run after each pass.
void verify(const Graph& graph);

}  // namespace accelerate

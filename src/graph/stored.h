#pragma once

#include "graph/graph.h"

namespace accelerate {

/// Whether the value is what a checkpoint stores: a constant or the numbers of stored codes, or those transposed or stacked.
bool is_stored(const Graph& graph, ValueId value);

/// Whether the value is a constant or the numbers of stored codes.
bool is_one_stored(const Graph& graph, ValueId value);

}  // namespace accelerate

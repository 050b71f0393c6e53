#pragma once

#include "backends/backend.h"

namespace accelerate::cuda {

/// Whether the backend runs the node as it stands, and if not, why.
Support support_of(const Graph& graph, const Node& node);

}  // namespace accelerate::cuda

#pragma once

#include <string>

#include "graph/graph.h"

namespace accelerate {

/// The graph as text, a node a line: "%7 = linear(%5, %encoder.layer.0.query.weight) activation=gelu_erf : float32 [tokens, 384]".
std::string to_text(const Graph& graph);

/// The graph in Graphviz's language, constants left out.
std::string to_graphviz(const Graph& graph);

}  // namespace accelerate

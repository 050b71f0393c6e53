#pragma once

#include <vector>

#include "graph/graph.h"

namespace accelerate {

/// The types of the node's outputs, which follow from its inputs' types and its options. Throws internal, in the form
/// "[op] what is wrong", when they do not fit the op.
std::vector<ValueType> infer_types(const Graph& graph, const Node& node);

/// The shape that a and b are stretched to, as in NumPy. Throws internal when they do not fit.
Shape broadcast(const Shape& a, const Shape& b);

}  // namespace accelerate

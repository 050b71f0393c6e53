#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// The outputs of one node for these inputs, by the definition of its op; `sizes` are the named sizes of the call. Inputs
/// are float32, int64 or boolean, and ignored where the node has none. Throws invalid_argument, with the op's name, when
/// their contents do not fit: an index outside its table, sequences that do not ascend.
std::vector<Tensor> evaluate_node(const Graph& graph, const Node& node, std::span<const Tensor> inputs, const SizeMap& sizes);

}  // namespace accelerate

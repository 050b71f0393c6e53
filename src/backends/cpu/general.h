// Ops that are rare in the hot path, over dense row-major tensors: plain loops that the compiler vectorises, spread over
// the pool where they are long.
#pragma once

#include <span>

#include "base/thread_pool.h"
#include "graph/graph.h"

namespace accelerate::cpu {

/// A dense row-major tensor in memory that another owns.
struct DenseView {
  DType dtype = DType::float32;
  std::vector<std::int64_t> shape;
  std::byte* data = nullptr;
};

/// Whether run_general() knows the op.
bool general_supports(Op op);

/// Computes the node's only output from its inputs; absent inputs have no data. Float inputs are float32, but the table
/// of a gather may be in any float encoding. The caller holds a place in the pool. Throws invalid_argument for an index
/// outside its table, a whole number divided by zero, a slice outside its axis and sequences that do not follow each other.
void run_general(const Graph& graph, const Node& node, std::span<const DenseView> inputs, const DenseView& output, const SizeMap& sizes,
                 ThreadPool& threads);

}  // namespace accelerate::cpu

#pragma once

#include <vector>

#include "graph/graph.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate::openvino {

/// The part of a graph that is computed before the runtime is called: whole numbers and booleans that follow from inputs
/// and constants alone. They are few (ids, positions, sequences), their definitions are exact at 64 bits where the
/// runtime's processor plugin has 32, and knowing them here is what lets indices be checked and rectangles be laid out.
class HostPart {
 public:
  explicit HostPart(const Graph& graph);

  /// Whether the value is known before the runtime is called: given by the caller, or computed here.
  bool knows(ValueId value) const { return known_[static_cast<std::size_t>(value)]; }

  /// The value where it is the same in every call, else nullptr.
  const Tensor* fixed(ValueId value) const;

  /// Every value that is known, by id; the others are empty tensors.
  std::vector<Tensor> run(const TensorMap& inputs, const SizeMap& sizes) const;

 private:
  void evaluate(const Node& node, std::vector<Tensor>& values, const SizeMap& sizes) const;

  const Graph& graph_;
  std::vector<bool> known_;
  std::vector<bool> is_fixed_;
  std::vector<Tensor> fixed_;
};

/// Whether the value is a whole number or boolean that follows from such inputs and constants alone.
bool is_host_value(const Graph& graph, ValueId value);

}  // namespace accelerate::openvino

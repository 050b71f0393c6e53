#pragma once

#include "backends/cuda/steps.h"

namespace accelerate::cuda {

/// A step that runs one node, whose inputs and outputs it reads and writes.
class NodeStep : public Step {
 public:
  NodeStep(StepContext& context, const Node& node) : node_(node) {
    for (ValueId input : node.inputs)
      if (input != no_value) reads.push_back(context.plan(input).root);
    writes = node.outputs;
  }

 protected:
  const Node& node() const { return node_; }

  /// The input's value; absent when the node has fewer.
  ValueId x(std::size_t index) const { return index < node_.inputs.size() ? node_.inputs[index] : no_value; }
  ValueId y(std::size_t index = 0) const { return node_.outputs[index]; }

 private:
  Node node_;
};

}  // namespace accelerate::cuda

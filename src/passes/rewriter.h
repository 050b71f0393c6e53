#pragma once

#include <vector>

#include "graph/graph.h"
#include "graph/ops.h"

namespace accelerate {

/// Builds a changed copy of a graph: a pass walks the nodes and copies each, or puts another value in its place.
class Rewriter {
 public:
  explicit Rewriter(const Graph& from);

  /// Appends the node with its inputs replaced by their counterparts.
  void copy(const Node& node);

  /// Lets `value` of the old graph be `replacement` of the new one.
  void replace(ValueId value, Value replacement);

  /// The counterpart of `value` in the new graph; the absent value's is absent.
  Value operator()(ValueId value);

  /// The counterparts of the node's inputs.
  std::vector<ValueId> inputs_of(const Node& node);

  Graph& graph() { return to_; }

  /// The new graph, with the old one's outputs.
  Graph finish();

 private:
  const Graph& from_;
  Graph to_;
  std::vector<ValueId> counterparts_;
};

}  // namespace accelerate

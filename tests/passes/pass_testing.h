#pragma once

#include <string>
#include <vector>

#include "ops/case_builder.h"
#include "passes/pass.h"

namespace accelerate {

/// What a pass must do with the graph that `build` makes, and then its outputs must be as before.
struct PassCase {
  std::string name;
  void (*build)(CaseBuilder&);
  /// How many nodes of these ops there are afterwards.
  struct Count {
    Op op;
    int nodes;
  };
  std::vector<Count> counts;
};

/// The graph after `pass` and the removal of dead nodes, verified.
Graph after(Graph (*pass)(const Graph&, const PassContext&), const Graph& graph, const PassContext& context = {});

int count_of(const Graph& graph, Op op);

/// Runs each case through `pass`; expects its counts, and the outputs that the reference gives for the graph as it was built.
void check_pass(Graph (*pass)(const Graph&, const PassContext&), const std::vector<PassCase>& cases, const PassContext& context = {});

}  // namespace accelerate

#include "passes/pass_testing.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "graph/print.h"
#include "graph/verify.h"
#include "ops/compare.h"
#include "ops/execution.h"

namespace accelerate {

Graph after(Graph (*pass)(const Graph&, const PassContext&), const Graph& graph, const PassContext& context) {
  Graph result = remove_dead_nodes(pass(graph, context));
  verify(result);
  return result;
}

int count_of(const Graph& graph, Op op) { return static_cast<int>(std::ranges::count(graph.nodes(), op, &Node::op)); }

void check_pass(Graph (*pass)(const Graph&, const PassContext&), const std::vector<PassCase>& cases, const PassContext& context) {
  for (const PassCase& pass_case : cases) {
    SCOPED_TRACE(pass_case.name);
    CaseBuilder builder(7);
    pass_case.build(builder);
    const Graph changed = after(pass, builder.graph(), context);
    for (const auto& [op, nodes] : pass_case.counts)
      EXPECT_EQ(count_of(changed, op), nodes) << traits_of(op).name << "\n" << to_text(changed);
    EXPECT_EQ(difference_between(run_on_reference(builder.graph(), builder.inputs()), run_on_reference(changed, builder.inputs()), 1e-6),
              "");
  }
}

}  // namespace accelerate

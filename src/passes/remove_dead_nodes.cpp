// Drops nodes, inputs among them, that no output needs. Runs after every pass, so that passes may leave orphans.
#include "passes/pass.h"
#include "passes/rewriter.h"

namespace accelerate {

Graph remove_dead_nodes(const Graph& graph) {
  std::vector<bool> needed(static_cast<std::size_t>(graph.value_count()), false);
  for (const NamedValue& output : graph.outputs()) needed[static_cast<std::size_t>(output.value)] = true;

  std::vector<bool> keep(graph.nodes().size(), false);
  for (std::size_t i = graph.nodes().size(); i-- > 0;) {
    const Node& node = graph.nodes()[i];
    for (ValueId output : node.outputs) keep[i] = keep[i] || needed[static_cast<std::size_t>(output)];
    if (!keep[i]) continue;
    for (ValueId input : node.inputs)
      if (input != no_value) needed[static_cast<std::size_t>(input)] = true;
  }

  Rewriter rewriter(graph);
  for (std::size_t i = 0; i < keep.size(); ++i)
    if (keep[i]) rewriter.copy(graph.nodes()[i]);
  return rewriter.finish();
}

}  // namespace accelerate

// Gives every product of the graph the precision that the caller asked for.
#include "passes/pass.h"
#include "passes/rewriter.h"

namespace accelerate {

Graph set_precision(const Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    Node changed = node;
    if (auto* linear = std::get_if<LinearOptions>(&changed.options)) linear->precision = context.precision;
    if (auto* attention = std::get_if<AttentionOptions>(&changed.options)) attention->precision = context.precision;
    rewriter.copy(changed);
  }
  return rewriter.finish();
}

}  // namespace accelerate

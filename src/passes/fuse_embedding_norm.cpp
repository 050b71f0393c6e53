// Rows gathered from several tables, summed and normalised: one op that makes each token's row in cache.
#include "passes/pass.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

constexpr std::size_t most_tables = 9;

/// Adds to `gathers` the gathers that `value` is a sum of, from left to right; false when it is anything else, or when
/// something besides the sum reads a part of it.
bool collect_gathers(const Graph& graph, ValueId value, const std::vector<int>& uses, std::vector<const Node*>& gathers) {
  const Node& node = graph.producer(value);
  if (uses[static_cast<std::size_t>(value)] != 1) return false;
  if (node.op == Op::gather) {
    gathers.push_back(&node);
    return gathers.size() <= most_tables && graph.constant_of(node.inputs[0]) != nullptr && graph.type(node.inputs[0]).shape.size() == 2;
  }
  if (node.op != Op::binary || node.as<BinaryOptions>().function != BinaryFunction::add) return false;
  if (graph.type(node.inputs[0]).shape != graph.type(node.inputs[1]).shape) return false;
  return collect_gathers(graph, node.inputs[0], uses, gathers) && collect_gathers(graph, node.inputs[1], uses, gathers);
}

}  // namespace

Graph fuse_embedding_norm(const Graph& graph, const PassContext&) {
  const std::vector<int> uses = graph.use_counts();
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    std::vector<const Node*> gathers;
    const bool scaled_norm = node.op == Op::layer_norm && node.inputs.size() == 3 && node.inputs[1] != no_value;
    if (!scaled_norm || !collect_gathers(graph, node.inputs.front(), uses, gathers)) {
      rewriter.copy(node);
      continue;
    }
    std::vector<ValueId> inputs{rewriter(node.inputs[1]).id(), rewriter(node.inputs[2]).id()};
    for (const Node* gather : gathers)
      for (ValueId input : gather->inputs) inputs.push_back(rewriter(input).id());
    rewriter.replace(node.outputs.front(), rewriter.graph().add(Op::embedding_norm, std::move(inputs), node.options));
  }
  return rewriter.finish();
}

}  // namespace accelerate

// A residual added and the sum normalised: one op that reads both once, and gives the sum too where others read it.
#include "passes/pass.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

/// The addition of equal shapes below a layer_norm with a scale, or nullptr.
const Node* addition_below(const Graph& graph, const Node& node) {
  if (node.op != Op::layer_norm || node.inputs.size() != 3 || node.inputs[1] == no_value) return nullptr;
  const Node& sum = graph.producer(node.inputs.front());
  if (sum.op != Op::binary || sum.as<BinaryOptions>().function != BinaryFunction::add) return nullptr;
  return graph.type(sum.inputs[0]).shape == graph.type(sum.inputs[1]).shape ? &sum : nullptr;
}

}  // namespace

Graph fuse_add_norm(const Graph& graph, const PassContext&) {
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    const Node* sum = addition_below(graph, node);
    if (sum == nullptr) {
      rewriter.copy(node);
      continue;
    }
    std::vector<ValueId> inputs = rewriter.inputs_of(*sum);
    inputs.push_back(rewriter(node.inputs[1]).id());
    inputs.push_back(rewriter(node.inputs[2]).id());
    const Value normed = rewriter.graph().add(Op::add_norm, std::move(inputs), node.options);
    rewriter.replace(node.outputs.front(), normed);
    // Readers of the sum that come later read the fused op's; the addition itself then dies.
    rewriter.replace(sum->outputs.front(), {rewriter.graph(), normed.id() + 1});
  }
  return rewriter.finish();
}

}  // namespace accelerate

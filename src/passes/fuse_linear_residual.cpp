// A value added to a linear's output, which nothing else reads: the linear adds it before it stores.
#include "passes/pass.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

/// Which input of `node`, an addition of equal shapes, is a linear without a residual that nothing else reads; -1: none.
int linear_operand(const Graph& graph, const Node& node, const std::vector<int>& uses) {
  if (node.op != Op::binary || node.as<BinaryOptions>().function != BinaryFunction::add) return -1;
  if (graph.type(node.inputs[0]).shape != graph.type(node.inputs[1]).shape) return -1;
  for (int i : {0, 1}) {
    const ValueId input = node.inputs[static_cast<std::size_t>(i)];
    const Node& producer = graph.producer(input);
    if (producer.op == Op::linear && producer.inputs.size() <= 3 && uses[static_cast<std::size_t>(input)] == 1) return i;
  }
  return -1;
}

}  // namespace

Graph fuse_linear_residual(const Graph& graph, const PassContext&) {
  const std::vector<int> uses = graph.use_counts();
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    const int operand = linear_operand(graph, node, uses);
    if (operand < 0) {
      rewriter.copy(node);
      continue;
    }
    const Node& linear = graph.producer(node.inputs[static_cast<std::size_t>(operand)]);
    std::vector<ValueId> inputs = rewriter.inputs_of(linear);
    inputs.resize(3, no_value);
    inputs.push_back(rewriter(node.inputs[static_cast<std::size_t>(1 - operand)]).id());
    rewriter.replace(node.outputs.front(), rewriter.graph().add(Op::linear, std::move(inputs), linear.options));
  }
  return rewriter.finish();
}

}  // namespace accelerate

// A function of a linear's output, and nothing else reads that output: the linear applies it before it stores.
#include "passes/pass.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

bool is_activation(UnaryFunction function) {
  switch (function) {
    case UnaryFunction::relu:
    case UnaryFunction::gelu_erf:
    case UnaryFunction::gelu_tanh:
    case UnaryFunction::gelu_quick:
    case UnaryFunction::silu:
    case UnaryFunction::tanh:
    case UnaryFunction::sigmoid:
      return true;
    default:
      return false;
  }
}

/// The linear whose output `node` is the only reader and an activation of, or nullptr.
const Node* linear_below(const Graph& graph, const Node& node, const std::vector<int>& uses) {
  if (node.op != Op::unary || !is_activation(node.as<UnaryOptions>().function)) return nullptr;
  const ValueId input = node.inputs.front();
  const Node& producer = graph.producer(input);
  if (producer.op != Op::linear || uses[static_cast<std::size_t>(input)] != 1) return nullptr;
  return producer.as<LinearOptions>().activation || producer.inputs.size() > 3 ? nullptr : &producer;
}

}  // namespace

Graph fuse_linear_activation(const Graph& graph, const PassContext&) {
  const std::vector<int> uses = graph.use_counts();
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    const Node* linear = linear_below(graph, node, uses);
    if (linear == nullptr) {
      rewriter.copy(node);
      continue;
    }
    LinearOptions options = linear->as<LinearOptions>();
    options.activation = node.as<UnaryOptions>().function;
    rewriter.replace(node.outputs.front(), rewriter.graph().add(Op::linear, rewriter.inputs_of(*linear), options));
  }
  return rewriter.finish();
}

}  // namespace accelerate

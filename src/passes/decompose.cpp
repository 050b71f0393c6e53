// Turns fused ops that the backend does not run back into the base ops that they stand for.
#include "passes/pass.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

void decompose_linear(Rewriter& rewriter, const Node& node) {
  const auto& options = node.as<LinearOptions>();
  std::vector<ValueId> inputs = rewriter.inputs_of(node);
  const ValueId residual = inputs.size() > 3 ? inputs[3] : no_value;
  inputs.resize(std::min<std::size_t>(inputs.size(), 3));
  Value result = rewriter.graph().add(Op::linear, std::move(inputs), LinearOptions{.activation = {}, .precision = options.precision});
  if (options.activation) result = unary(*options.activation, result);
  if (residual != no_value) result = result + Value(rewriter.graph(), residual);
  rewriter.replace(node.outputs.front(), result);
}

void decompose_add_norm(Rewriter& rewriter, const Node& node) {
  const Value sum = rewriter(node.inputs[0]) + rewriter(node.inputs[1]);
  rewriter.replace(node.outputs[0], layer_norm(sum, rewriter(node.inputs[2]), rewriter(node.inputs[3]), node.as<NormOptions>()));
  rewriter.replace(node.outputs[1], sum);
}

void decompose_embedding_norm(Rewriter& rewriter, const Node& node) {
  Value sum = gather(rewriter(node.inputs[2]), rewriter(node.inputs[3]));
  for (std::size_t i = 4; i < node.inputs.size(); i += 2) sum = sum + gather(rewriter(node.inputs[i]), rewriter(node.inputs[i + 1]));
  rewriter.replace(node.outputs[0], layer_norm(sum, rewriter(node.inputs[0]), rewriter(node.inputs[1]), node.as<NormOptions>()));
}

}  // namespace

Graph decompose(const Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    if (context.supports(graph, node)) {
      rewriter.copy(node);
      continue;
    }
    switch (node.op) {
      case Op::linear:
        decompose_linear(rewriter, node);
        break;
      case Op::add_norm:
        decompose_add_norm(rewriter, node);
        break;
      case Op::embedding_norm:
        decompose_embedding_norm(rewriter, node);
        break;
      default:
        rewriter.copy(node);  // compiling names what the backend lacks
    }
  }
  return rewriter.finish();
}

}  // namespace accelerate

// Gives the products of the graph the precision that the caller asked for: attentions, and linears whose weights are the
// model's. int8 and int4 are defined for linear layers; convolutions stay float32 under them, as in PyTorch's quantization of
// activations at run time, and products by groups, which are few, take int8 for int4. Products with computed weights stay float32, and so
// do linears of a few outputs, which are a model's last: they cost next to nothing, and their rounding would land in the answer whole.
#include "graph/stored.h"
#include "passes/pass.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

constexpr std::int64_t least_outputs = 32;

bool is_narrow(const Graph& graph, ValueId weight) {
  const Shape& shape = graph.type(weight).shape;
  const Dim outputs = shape[shape.size() - 2];
  return outputs.is_static() && outputs.value() < least_outputs;
}

/// The precision of a product of linear layers.
Precision precision_of(const Node& node, Precision asked) {
  const bool whole_steps = asked == Precision::int8 || asked == Precision::int4;
  if (node.as<LinearOptions>().convolution && whole_steps) return Precision::fp32;
  return node.op == Op::grouped_linear && asked == Precision::int4 ? Precision::int8 : asked;
}

}  // namespace

Graph set_precision(const Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    Node changed = node;
    auto* linear = std::get_if<LinearOptions>(&changed.options);
    if (linear != nullptr && is_stored(graph, node.inputs[1]) && !is_narrow(graph, node.inputs[1]))
      linear->precision = precision_of(node, context.precision);
    if (auto* attention = std::get_if<AttentionOptions>(&changed.options)) attention->precision = context.precision;
    rewriter.copy(changed);
  }
  return rewriter.finish();
}

}  // namespace accelerate

// Gives the products of the graph the precision that the caller asked for: attentions, and linears whose weights are the
// model's. int8 is defined for linear layers; convolutions stay float32 under it, as in PyTorch's quantization of activations
// at run time. Products with computed weights stay float32, and so do linears of a few outputs, which are a model's last: they
// cost next to nothing, and their rounding would land in the answer whole.
#include <algorithm>

#include "passes/pass.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

/// Whether the value is a constant, a transposed one, or a stack of them.
bool is_stored(const Graph& graph, ValueId value) {
  const Node& producer = graph.producer(value);
  const bool arranges = producer.op == Op::concat || producer.op == Op::transpose;
  return producer.op == Op::constant ||
         (arranges && std::ranges::all_of(producer.inputs, [&](ValueId input) { return is_stored(graph, input); }));
}

constexpr std::int64_t least_outputs = 32;

bool is_narrow(const Graph& graph, ValueId weight) {
  const Shape& shape = graph.type(weight).shape;
  const Dim outputs = shape[shape.size() - 2];
  return outputs.is_static() && outputs.value() < least_outputs;
}

}  // namespace

Graph set_precision(const Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    Node changed = node;
    auto* linear = std::get_if<LinearOptions>(&changed.options);
    if (linear != nullptr && is_stored(graph, node.inputs[1]) && !is_narrow(graph, node.inputs[1]))
      linear->precision = linear->convolution && context.precision == Precision::int8 ? Precision::fp32 : context.precision;
    if (auto* attention = std::get_if<AttentionOptions>(&changed.options)) attention->precision = context.precision;
    rewriter.copy(changed);
  }
  return rewriter.finish();
}

}  // namespace accelerate

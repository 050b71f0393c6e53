#include "backends/openvino/host_part.h"

#include <algorithm>

#include "backends/reference/evaluate.h"

namespace accelerate::openvino {
namespace {

bool is_output(const Graph& graph, ValueId value) {
  return std::ranges::find(graph.outputs(), value, &NamedValue::value) != graph.outputs().end();
}

bool gives_floats(const Graph& graph, const Node& node) {
  return std::ranges::any_of(node.outputs, [&](ValueId value) { return graph.type(value).dtype == DType::float32; });
}

}  // namespace

HostPart::HostPart(const Graph& graph)
    : graph_(graph),
      known_(static_cast<std::size_t>(graph.value_count()), false),
      is_fixed_(known_),
      fixed_(static_cast<std::size_t>(graph.value_count())) {
  std::vector<bool> is_code(known_);  // part of weights that are stored as codes
  for (const Node& node : graph.nodes())
    if (node.op == Op::dequantize)
      for (ValueId input : node.inputs)
        if (input != no_value) is_code[static_cast<std::size_t>(input)] = true;
  for (const Node& node : graph.nodes()) {
    const auto each_input = [&](const std::vector<bool>& holds) {
      return std::ranges::all_of(node.inputs, [&](ValueId input) { return input == no_value || holds[static_cast<std::size_t>(input)]; });
    };
    // Weights stay where they are, unless someone asks for one as it is.
    const bool gives_weight =
        node.op == Op::constant && (gives_floats(graph, node) || is_code[static_cast<std::size_t>(node.outputs.front())]);
    const bool is_weight = gives_weight && !is_output(graph, node.outputs.front());
    const bool is_computed = node.op != Op::input && node.op != Op::constant;
    if (is_weight || (is_computed && (gives_floats(graph, node) || !each_input(known_)))) continue;
    const bool same_each_time = node.op != Op::input && each_input(is_fixed_);
    for (ValueId output : node.outputs) {
      known_[static_cast<std::size_t>(output)] = true;
      is_fixed_[static_cast<std::size_t>(output)] = same_each_time;
    }
    if (same_each_time) evaluate(node, fixed_, {});
  }
}

const Tensor* HostPart::fixed(ValueId value) const {
  const auto place = static_cast<std::size_t>(value);
  return is_fixed_[place] ? &fixed_[place] : nullptr;
}

std::vector<Tensor> HostPart::run(const TensorMap& inputs, const SizeMap& sizes) const {
  std::vector<Tensor> values = fixed_;
  for (const Node& node : graph_.nodes()) {
    const auto place = static_cast<std::size_t>(node.outputs.front());
    if (!known_[place] || is_fixed_[place]) continue;
    if (node.op == Op::input)
      values[place] = inputs.find(node.as<InputOptions>().name)->second;
    else
      evaluate(node, values, sizes);
  }
  return values;
}

void HostPart::evaluate(const Node& node, std::vector<Tensor>& values, const SizeMap& sizes) const {
  std::vector<Tensor> arguments;
  for (ValueId input : node.inputs) arguments.push_back(input == no_value ? Tensor() : values[static_cast<std::size_t>(input)]);
  std::vector<Tensor> results = evaluate_node(graph_, node, arguments, sizes);
  for (std::size_t i = 0; i < results.size(); ++i) values[static_cast<std::size_t>(node.outputs[i])] = std::move(results[i]);
}

bool is_host_value(const Graph& graph, ValueId value) {
  const Node& node = graph.producer(value);
  return !gives_floats(graph, node) &&
         std::ranges::all_of(node.inputs, [&](ValueId input) { return input == no_value || is_host_value(graph, input); });
}

}  // namespace accelerate::openvino

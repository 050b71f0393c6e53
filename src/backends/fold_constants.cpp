#include "backends/fold_constants.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/stored_constants.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

/// By value: whether it follows from constants alone.
std::vector<bool> fixed_values(const Graph& graph) {
  std::vector<bool> fixed(static_cast<std::size_t>(graph.value_count()), false);
  for (const Node& node : graph.nodes()) {
    if (node.op == Op::input) continue;
    const bool all = std::ranges::all_of(node.inputs, [&](ValueId v) { return v == no_value || fixed[static_cast<std::size_t>(v)]; });
    for (ValueId output : node.outputs) fixed[static_cast<std::size_t>(output)] = all;
  }
  return fixed;
}

/// Whether the value is a constant, or a stack of constants.
bool is_constant(const Graph& graph, ValueId value) {
  const Node& producer = graph.producer(value);
  const auto constant = [&](ValueId input) { return graph.constant_of(input) != nullptr; };
  return producer.op == Op::constant || (producer.op == Op::concat && std::ranges::all_of(producer.inputs, constant));
}

/// Whether the backend lays the node's input'th input out from what is stored.
bool is_laid_out(const Graph& graph, const Node& node, std::size_t input) {
  if (node.op == Op::gather) return input == 0 && graph.producer(node.inputs[0]).op == Op::dequantize;
  return node.op == Op::linear && input == 1 && !stored_matrices(graph, node.inputs[1]).empty();
}

/// By value: whether it is computed from constants and something that is not reads it.
std::vector<bool> wanted_values(const Graph& graph, const std::vector<bool>& fixed, ArrangedWeights arranged) {
  std::vector<bool> wanted(fixed.size(), false);
  const auto want = [&](ValueId value) {
    if (value == no_value || !fixed[static_cast<std::size_t>(value)]) return;
    wanted[static_cast<std::size_t>(value)] = !is_constant(graph, value);
  };
  for (const Node& node : graph.nodes()) {
    if (node.op == Op::constant || fixed[static_cast<std::size_t>(node.outputs.front())]) continue;
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (arranged == ArrangedWeights::are_folded || !is_laid_out(graph, node, i)) want(node.inputs[i]);
  }
  for (const NamedValue& output : graph.outputs()) want(output.value);
  return wanted;
}

std::string name_of_value(ValueId value) { return fmt::format("{}", value); }

/// The constants that linears multiply by their weights: as inputs they run on the kernels that activations do.
TensorMap activations_of(const Graph& graph, const std::vector<bool>& fixed) {
  TensorMap activations;
  for (const Node& node : graph.nodes()) {
    if (node.op != Op::linear || !fixed[static_cast<std::size_t>(node.outputs.front())]) continue;
    const ConstantOptions* constant = graph.constant_of(node.inputs[0]);
    if (constant != nullptr && constant->tensor.dtype() == DType::float32)
      activations.emplace(name_of_value(node.inputs[0]), constant->tensor);
  }
  return activations;
}

/// The wanted values alone, each an output, with these constants as inputs.
Graph fixed_part(const Graph& graph, const std::vector<bool>& fixed, const std::vector<bool>& wanted, const TensorMap& activations) {
  Graph part;
  std::vector<Value> counterparts(fixed.size());
  for (const Node& node : graph.nodes()) {
    if (!fixed[static_cast<std::size_t>(node.outputs.front())]) continue;
    if (node.op == Op::constant) {
      const auto& constant = node.as<ConstantOptions>();
      const std::string name = name_of_value(node.outputs.front());
      Value& counterpart = counterparts[static_cast<std::size_t>(node.outputs.front())];
      counterpart = activations.contains(name) ? part.input(name, DType::float32, graph.type(node.outputs.front()).shape)
                                               : part.constant(constant.tensor, constant.name);
      continue;
    }
    std::vector<ValueId> inputs;
    for (ValueId input : node.inputs) inputs.push_back(input == no_value ? no_value : counterparts[static_cast<std::size_t>(input)].id());
    const Value first = part.add(node.op, std::move(inputs), node.options);
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
      counterparts[static_cast<std::size_t>(node.outputs[i])] = Value(part, first.id() + static_cast<ValueId>(i));
  }
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i]) part.output(name_of_value(static_cast<ValueId>(i)), counterparts[i]);
  return remove_dead_nodes(part);
}

}  // namespace

Graph fold_constants(const Graph& graph, const Backend& backend, const CompileOptions& options, ArrangedWeights arranged) {
  if (graph.inputs().empty()) return graph;  // all of it is computed once
  const std::vector<bool> fixed = fixed_values(graph);
  const std::vector<bool> wanted = wanted_values(graph, fixed, arranged);
  if (std::ranges::find(wanted, true) == wanted.end()) return graph;
  TensorMap activations = activations_of(graph, fixed);
  const Graph part = fixed_part(graph, fixed, wanted, activations);
  std::erase_if(activations,
                [&](const auto& given) { return std::ranges::find(part.inputs(), given.first, &NamedValue::name) == part.inputs().end(); });
  const TensorMap values = backend.compile(part, {.device = options.device, .threads = options.threads})->run(activations);

  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    const auto first = static_cast<std::size_t>(node.outputs.front());
    if (!fixed[first] || !wanted[first]) {
      rewriter.copy(node);
      continue;
    }
    for (ValueId output : node.outputs)
      if (wanted[static_cast<std::size_t>(output)])
        rewriter.replace(output, rewriter.graph().constant(values.find(name_of_value(output))->second));
  }
  return remove_dead_nodes(rewriter.finish());
}

}  // namespace accelerate

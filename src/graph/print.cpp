#include "graph/print.h"

#include <fmt/format.h>

namespace accelerate {
namespace {

std::string value_name(const Graph& graph, ValueId value) {
  if (value == no_value) return "none";
  const ConstantOptions* constant = graph.constant_of(value);
  if (constant != nullptr && !constant->name.empty()) return "%" + constant->name;
  return fmt::format("%{}", value);
}

std::string inputs_text(const Graph& graph, const Node& node) {
  std::string text;
  for (ValueId input : node.inputs) text += (text.empty() ? "" : ", ") + value_name(graph, input);
  return text;
}

}  // namespace

std::string to_text(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes()) {
    std::string results;
    std::string types;
    for (ValueId output : node.outputs) {
      results += (results.empty() ? "" : ", ") + value_name(graph, output);
      types += (types.empty() ? "" : ", ") + text_of(graph.type(output));
    }
    const std::string options = text_of(node.options);
    text += fmt::format("{} = {}({}){}{} : {}\n", results, traits_of(node.op).name, inputs_text(graph, node), options.empty() ? "" : " ",
                        options, types);
  }
  for (const NamedValue& output : graph.outputs()) text += fmt::format("output {} = {}\n", output.name, value_name(graph, output.value));
  return text;
}

std::string to_graphviz(const Graph& graph) {
  std::string text = "digraph model {\n  node [shape=box, fontname=\"sans-serif\"];\n";
  for (std::size_t index = 0; index < graph.nodes().size(); ++index) {
    const Node& node = graph.nodes()[index];
    if (node.op == Op::constant) continue;
    const std::string options = text_of(node.options);
    text += fmt::format("  n{} [label=\"{}{}{}\\n{}\"];\n", index, traits_of(node.op).name, options.empty() ? "" : "\\n", options,
                        text_of(graph.type(node.outputs.front()).shape));
    for (ValueId input : node.inputs) {
      if (input == no_value || graph.constant_of(input) != nullptr) continue;
      text += fmt::format("  n{} -> n{};\n", &graph.producer(input) - graph.nodes().data(), index);
    }
  }
  for (const NamedValue& output : graph.outputs())
    text +=
        fmt::format("  \"{0}\" [shape=ellipse];\n  n{1} -> \"{0}\";\n", output.name, &graph.producer(output.value) - graph.nodes().data());
  return text + "}\n";
}

}  // namespace accelerate

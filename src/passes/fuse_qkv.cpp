// Linears that read the same input become one with their weights stacked, and slices of its output: the input is read
// once, and one wide product runs closer to the machine's peak than three narrow ones. The stack of the weights is a
// concat of constants, which backends lay out straight from the mapped file.
#include <fmt/format.h>

#include <map>
#include <string>
#include <tuple>

#include "graph/stored.h"
#include "passes/pass.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

using Group = std::vector<const Node*>;

bool has_bias(const Node& node) { return node.inputs.size() > 2 && node.inputs[2] != no_value; }

bool is_plain_linear(const Graph& graph, const Node& node) {
  if (node.op != Op::linear || node.as<LinearOptions>().activation || node.inputs.size() > 3) return false;
  return is_one_stored(graph, node.inputs[1]) && (!has_bias(node) || graph.constant_of(node.inputs[2]) != nullptr);
}

/// Copies what is stored, which the group's later nodes have further on in the graph.
void copy_stored(Rewriter& rewriter, const Graph& graph, ValueId value) {
  const Node& producer = graph.producer(value);
  for (const ValueId input : producer.inputs)
    if (input != no_value) copy_stored(rewriter, graph, input);
  rewriter.copy(producer);
}

/// The input'th inputs of all nodes of the group, which are stored, one after another.
Value stacked(Rewriter& rewriter, const Graph& graph, const Group& group, std::size_t input) {
  std::vector<Value> parts;
  for (const Node* node : group) {
    copy_stored(rewriter, graph, node->inputs[input]);
    parts.push_back(rewriter(node->inputs[input]));
  }
  return concat(parts, {.axis = 0});
}

void replace_group(Rewriter& rewriter, const Graph& graph, const Group& group) {
  const Node& first = *group.front();
  const Value weight = stacked(rewriter, graph, group, 1);
  const Value bias = has_bias(first) ? stacked(rewriter, graph, group, 2) : Value{};
  const Value wide = linear(rewriter(first.inputs[0]), weight, bias, first.as<LinearOptions>());
  Dim begin = 0;
  for (const Node* node : group) {
    const Dim end = begin + graph.type(node->inputs[1]).shape[0];
    rewriter.replace(node->outputs.front(), slice(wide, {.axis = wide.rank() - 1, .start = begin, .stop = end}));
    begin = end;
  }
}

/// What linears that become one have in common: input, bias or none, convolution or none, and how codes are stored.
using Key = std::tuple<ValueId, bool, bool, std::string, ValueId>;

/// The codes' type and how they become numbers; empty for plain numbers.
std::string storage_of(const Graph& graph, const Node& weight) {
  if (weight.op != Op::dequantize) return {};
  const bool has_offsets = weight.inputs.size() > 2 && weight.inputs[2] != no_value;
  return fmt::format("{} {}{}", name_of(graph.constant_of(weight.inputs[0])->tensor.dtype()), text_of(weight.options),
                     has_offsets ? " offsets" : "");
}

Key key_of(const Graph& graph, const Node& node) {
  const Node& weight = graph.producer(node.inputs[1]);
  const ValueId order = weight.op == Op::dequantize && weight.inputs.size() > 3 ? weight.inputs[3] : no_value;
  return {node.inputs[0], has_bias(node), node.as<LinearOptions>().convolution, storage_of(graph, weight), order};
}

}  // namespace

Graph fuse_qkv(const Graph& graph, const PassContext&) {
  std::map<Key, Group> groups;
  for (const Node& node : graph.nodes())
    if (is_plain_linear(graph, node)) groups[key_of(graph, node)].push_back(&node);

  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    const Group* group = is_plain_linear(graph, node) ? &groups[key_of(graph, node)] : nullptr;
    if (group == nullptr || group->size() < 2)
      rewriter.copy(node);
    else if (group->front() == &node)
      replace_group(rewriter, graph, *group);
  }
  return rewriter.finish();
}

}  // namespace accelerate

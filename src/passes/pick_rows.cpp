// Moves the choice of rows of an output as far up as it goes: the product with the vocabulary is a large part of a decoder's
// work, and of a prompt's rows only the last is wanted.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "graph/stored.h"
#include "ipfs_accelerate/error.h"
#include "passes/remember.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

/// Whether the value has no rows of tokens: the same for all.
bool is_fixed(const Graph& graph, ValueId value) { return value == no_value || is_stored(graph, value); }

/// Whether row i of the node's output depends on row i of its first input alone, and nothing else reads that input.
bool is_by_row(const Graph& graph, const Node& node, const std::vector<int>& uses) {
  if (node.inputs.empty() || node.outputs.size() != 1 || uses[static_cast<std::size_t>(node.inputs.front())] != 1) return false;
  const ValueType& from = graph.type(node.inputs.front());
  const ValueType& to = graph.type(node.outputs.front());
  if (from.shape.size() < 2 || to.shape.size() < 2 || !(from.shape[0] == to.shape[0])) return false;
  const bool others_fixed = std::all_of(node.inputs.begin() + 1, node.inputs.end(), [&](ValueId v) { return is_fixed(graph, v); });
  switch (node.op) {
    case Op::unary:
    case Op::linear:
    case Op::layer_norm:
    case Op::rms_norm:
      return others_fixed;
    case Op::binary:
      return others_fixed && graph.type(node.inputs[1]).shape.size() < from.shape.size();
    default:
      return false;
  }
}

}  // namespace

Graph pick_rows(const Graph& graph, std::string_view output) {
  const auto named = std::ranges::find(graph.outputs(), output, &NamedValue::name);
  if (named == graph.outputs().end()) throw Error(ErrorKind::internal, fmt::format("the graph has no output '{}'", output));
  const std::vector<int> uses = graph.use_counts();
  ValueId picked = named->value;
  while (is_by_row(graph, graph.producer(picked), uses)) picked = graph.producer(picked).inputs.front();

  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    rewriter.copy(node);
    if (std::ranges::find(node.outputs, picked) == node.outputs.end()) continue;
    const Value rows = rewriter.graph().input("rows", DType::int64, {Dim::named("picked")});
    rewriter.replace(picked, gather(rewriter(picked), rows));
  }
  rewriter.graph().output(output, rewriter(named->value));
  return std::move(rewriter.graph());
}

}  // namespace accelerate

#include "passes/remember.h"

#include <fmt/format.h>

#include "ipfs_accelerate/error.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

[[noreturn]] void refuse(const Node& node, std::string_view why) {
  throw Error(ErrorKind::unsupported,
              fmt::format("[{}] {}: the model cannot go on from what it computed before", traits_of(node.op).name, why));
}

/// Throws where the node lets a token's answer depend on later tokens, or on earlier ones in a way that is not remembered.
void expect_causal(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::attention:
      if (!node.as<AttentionOptions>().causal) refuse(node, "attention is not causal");
      if (node.inputs[3] != node.inputs[4]) refuse(node, "queries and keys are of different sequences");
      if (graph.producer(node.inputs[3]).op != Op::input) refuse(node, "its sequences are not an input");
      for (std::size_t i = 6; i < node.inputs.size(); ++i)
        if (i != 8 && i != 10 && node.inputs[i] != no_value) refuse(node, "attention depends on more than keys and values");
      return;
    case Op::sequence_cumsum:
    case Op::sequence_shift:
    case Op::sequence_pool:
      refuse(node, "rows depend on others of their sequence");
    default:
      return;
  }
}

/// "context_sequences" for "sequences", "decoder_context_sequences" for "decoder_sequences".
std::string context_name(std::string name) {
  const std::size_t at = name.rfind("sequences");
  return name.insert(at == std::string::npos ? 0 : at, "context_");
}

}  // namespace

Graph remember_context(const Graph& graph) {
  Rewriter rewriter(graph);
  int index = 0;
  for (const Node& node : graph.nodes()) {
    expect_causal(graph, node);
    if (node.op != Op::attention) {
      rewriter.copy(node);
      continue;
    }
    const std::string input = context_name(graph.producer(node.inputs[3]).as<InputOptions>().name);
    const Value sequences = rewriter(node.inputs[3]);
    const Value context = rewriter.graph().input(input, DType::int64, sequences.shape());
    const Dim rows = Dim::named(std::string_view(input).substr(0, input.size() - std::string_view("_sequences").size()));
    std::vector<ValueId> inputs = rewriter.inputs_of(node);
    inputs[1] = append(rewriter(node.inputs[1]), sequences, context, {.name = fmt::format("{}.key", index), .rows = rows}).id();
    inputs[2] = append(rewriter(node.inputs[2]), sequences, context, {.name = fmt::format("{}.value", index), .rows = rows}).id();
    inputs[4] = context.id();
    rewriter.replace(node.outputs.front(), {rewriter.graph(), rewriter.graph().add(Op::attention, std::move(inputs), node.options).id()});
    ++index;
  }
  return rewriter.finish();
}

}  // namespace accelerate

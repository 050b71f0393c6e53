#include "passes/remember.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "ipfs_accelerate/error.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

[[noreturn]] void refuse(const Node& node, std::string_view why) {
  throw Error(ErrorKind::unsupported,
              fmt::format("[{}] {}: the model cannot go on from what it computed before", traits_of(node.op).name, why));
}

/// The values that a graph is made of: fixed ones, those of a text that is read whole in a sequence's first step, and those of the
/// text that grows.
class Texts {
 public:
  explicit Texts(const Graph& graph)
      : graph_(graph), of_read_(static_cast<std::size_t>(graph.value_count())), varies_(static_cast<std::size_t>(graph.value_count())) {
    for (const Node& node : graph.nodes()) {
      const bool varies = node.op == Op::input || std::ranges::any_of(node.inputs, [&](ValueId input) { return this->varies(input); });
      for (ValueId output : node.outputs) varies_[index(output)] = varies;
      if (node.op == Op::attention && node.as<AttentionOptions>().causal && node.inputs[3] == node.inputs[4])
        growing_.insert(node.inputs[3]);
    }
    for (const Node& node : graph.nodes())
      if (node.op == Op::attention && is_cross(node))
        for (std::size_t i : {1U, 2U, 4U}) of_read_[index(node.inputs[i])] = true;
    for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node)
      if (std::ranges::any_of(node->outputs, [&](ValueId output) { return is_read(output); }))
        for (ValueId input : node->inputs)
          if (input != no_value) of_read_[index(input)] = true;
  }

  /// Whether the node attends from the text that grows to another.
  bool is_cross(const Node& node) const { return growing_.contains(node.inputs[3]) && node.inputs[3] != node.inputs[4]; }

  /// Whether what the text that grows sees of the other hangs on the value.
  bool is_read(ValueId value) const { return value != no_value && of_read_[index(value)]; }

  /// Whether the value hangs on an input.
  bool varies(ValueId value) const { return value != no_value && varies_[index(value)]; }

  /// Whether a sequence's first step alone computes what the node gives, or no step does.
  bool is_done_once(const Node& node) const { return is_read(node.outputs.front()) || !varies(node.outputs.front()); }

  /// Throws where the node, which is of the text that grows, lets a token's answer depend on later tokens, or on earlier ones or
  /// the other text in a way that is not remembered.
  void expect_causal(const Node& node) const {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const bool is_seen = node.op == Op::attention && is_cross(node) && (i == 1 || i == 2 || i == 4);
      if (is_read(node.inputs[i]) && varies(node.inputs[i]) && !is_seen) refuse(node, "a text depends on another by more than attention");
    }
    switch (node.op) {
      case Op::attention:
        if (!is_cross(node) && !node.as<AttentionOptions>().causal) refuse(node, "attention is not causal");
        if (!is_cross(node) && node.inputs[3] != node.inputs[4]) refuse(node, "queries and keys are of different sequences");
        for (std::size_t i : {3U, 4U})
          if (graph_.producer(node.inputs[i]).op != Op::input) refuse(node, "its sequences are not an input");
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

 private:
  static std::size_t index(ValueId value) { return static_cast<std::size_t>(value); }

  const Graph& graph_;
  std::set<ValueId> growing_;  ///< sequences whose tokens attend to those before them
  std::vector<bool> of_read_;
  std::vector<bool> varies_;
};

/// "context_sequences" for "sequences", "decoder_context_sequences" for "decoder_sequences".
std::string context_name(std::string name) {
  const std::size_t at = name.rfind("sequences");
  return name.insert(at == std::string::npos ? 0 : at, "context_");
}

/// Copies the attention with its keys and values appended to those of earlier steps.
void append_to_earlier(const Graph& graph, const Node& node, int index, Rewriter& rewriter) {
  const std::string input = context_name(graph.producer(node.inputs[4]).as<InputOptions>().name);
  const Value sequences = rewriter(node.inputs[4]);
  const Value context = rewriter.graph().input(input, DType::int64, sequences.shape());
  const Dim rows = Dim::named(std::string_view(input).substr(0, input.size() - std::string_view("_sequences").size()));
  std::vector<ValueId> inputs = rewriter.inputs_of(node);
  inputs[1] = append(rewriter(node.inputs[1]), sequences, context, {.name = fmt::format("{}.key", index), .rows = rows}).id();
  inputs[2] = append(rewriter(node.inputs[2]), sequences, context, {.name = fmt::format("{}.value", index), .rows = rows}).id();
  inputs[4] = context.id();
  rewriter.replace(node.outputs.front(), {rewriter.graph(), rewriter.graph().add(Op::attention, std::move(inputs), node.options).id()});
}

}  // namespace

Graph remember_context(const Graph& graph) {
  const Texts texts(graph);
  Rewriter rewriter(graph);
  // What is done once comes first, so that what most steps have no rows for stands together.
  for (const Node& node : graph.nodes())
    if (texts.is_done_once(node)) rewriter.copy(node);
  int index = 0;
  for (const Node& node : graph.nodes()) {
    if (texts.is_done_once(node)) continue;
    texts.expect_causal(node);
    if (node.op == Op::attention)
      append_to_earlier(graph, node, index++, rewriter);
    else
      rewriter.copy(node);
  }
  return rewriter.finish();
}

}  // namespace accelerate

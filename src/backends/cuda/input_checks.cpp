#include "backends/cuda/input_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "backends/reference/evaluate.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

[[noreturn]] void refuse(const std::string& op, const std::string& message) {
  throw Error(ErrorKind::invalid_argument, fmt::format("[{}] {}", op, message));
}

std::string op_name(const Node& node) { return std::string(traits_of(node.op).name); }

std::span<const std::int64_t> numbers_of(const TensorMap& inputs, const std::string& name) {
  return inputs.find(name)->second.values<std::int64_t>();
}

}  // namespace

InputChecks::InputChecks(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    switch (node.op) {
      case Op::gather:
      case Op::scatter:
        add_gather(graph, node, 0, 1);
        break;
      case Op::embedding_norm:
        for (std::size_t table = 2; table < node.inputs.size(); table += 2) add_gather(graph, node, table, table + 1);
        break;
      case Op::attention:
        add_sequences(graph, node, 0, 3);
        add_sequences(graph, node, 1, 4);
        if (node.inputs.size() > 8 && node.inputs[8] != no_value) add_columns(graph, node);
        if (node.inputs[3] != node.inputs[4])
          same_counts_.push_back(
              {graph.producer(node.inputs[3]).as<InputOptions>().name, graph.producer(node.inputs[4]).as<InputOptions>().name});
        break;
      case Op::sequence_pool:
      case Op::sequence_cumsum:
      case Op::sequence_shift:
        add_sequences(graph, node, 0, 1);
        break;
      default:
        break;
    }
  }
}

// Indices that the graph computes are checked by the kernel that reads them.
void InputChecks::add_gather(const Graph& graph, const Node& node, std::size_t table, std::size_t indices) {
  const Node& producer = graph.producer(node.inputs[indices]);
  if (producer.op != Op::input) return;
  const ConstantOptions* constant = graph.constant_of(node.inputs[table]);
  indices_.push_back({op_name(node), producer.as<InputOptions>().name,
                      constant == nullptr || constant->name.empty() ? "" : fmt::format(" ('{}')", constant->name),
                      graph.type(node.inputs[table]).shape[0]});
}

void InputChecks::add_columns(const Graph& graph, const Node& node) {
  for (std::size_t input : {5U, 6U, 7U}) {
    if (node.inputs[input] == no_value) continue;
    const Dim& count = graph.type(node.inputs[input]).shape.back();
    const ConstantOptions* constant = graph.constant_of(node.inputs[8]);
    if (constant != nullptr)
      columns_.push_back({"", evaluate_node(graph, graph.producer(node.inputs[8]), {}, {}).front(), count});
    else
      columns_.push_back({graph.producer(node.inputs[8]).as<InputOptions>().name, Tensor(), count});
    return;
  }
}

void InputChecks::add_sequences(const Graph& graph, const Node& node, std::size_t rows, std::size_t sequences) {
  const std::string& name = graph.producer(node.inputs[sequences]).as<InputOptions>().name;
  const Dim& tokens = graph.type(node.inputs[rows]).shape[0];
  const bool known = std::ranges::any_of(sequences_, [&](const Sequences& other) { return other.input == name && other.tokens == tokens; });
  if (!known) sequences_.push_back({op_name(node), name, tokens});
}

void InputChecks::check(const TensorMap& inputs, const SizeMap& sizes) const {
  for (const Indices& each : indices_) {
    const auto numbers = numbers_of(inputs, each.input);
    const std::int64_t rows = each.rows.evaluate(sizes);
    const auto outside = std::ranges::find_if(numbers, [rows](std::int64_t index) { return index < 0 || index >= rows; });
    if (outside != numbers.end())
      refuse(each.op, fmt::format("index {} at position {} is outside the table of {} rows{}", *outside, outside - numbers.begin(), rows,
                                  each.table));
  }
  for (const Sequences& each : sequences_) {
    const auto begins = numbers_of(inputs, each.input);
    const std::int64_t tokens = each.tokens.evaluate(sizes);
    if (begins.empty() || begins.front() != 0) refuse(each.op, "sequences do not begin at 0");
    if (const auto drop = std::ranges::adjacent_find(begins, std::ranges::greater()); drop != begins.end())
      refuse(each.op, fmt::format("sequences descend from {} to {} at position {}", drop[0], drop[1], drop - begins.begin() + 1));
    if (begins.back() != tokens)
      refuse(each.op, fmt::format("sequences end at {}, expected the number of tokens, {}", begins.back(), tokens));
  }
  for (const Columns& each : columns_) {
    const std::int64_t count = each.count.evaluate(sizes);
    for (std::int64_t column : each.input.empty() ? each.constant.values<std::int64_t>() : numbers_of(inputs, each.input))
      if (column < 0 || column >= count) refuse("attention", fmt::format("column {} of a bias that has {}", column, count));
  }
  for (const SameCount& each : same_counts_) {
    const std::size_t queries = numbers_of(inputs, each.queries).size();
    const std::size_t keys = numbers_of(inputs, each.keys).size();
    if (queries != keys) refuse("attention", fmt::format("{} sequences of queries and {} of keys", queries - 1, keys - 1));
  }
}

}  // namespace accelerate::cuda

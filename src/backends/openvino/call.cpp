#include "backends/openvino/call.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/reference/gather.h"
#include "backends/reference/sequences.h"

namespace accelerate::openvino {
namespace {

/// A node's inputs as the definitions of ops take them; of those that the host does not know the shape alone.
class NodeInputs {
 public:
  NodeInputs(const Call& call, const Node& node) : call_(call), node_(node) {
    for (ValueId input : node.inputs) {
      const bool is_empty = input == no_value || call.value(input).size() == 0;
      tensors_.push_back(is_empty && input != no_value
                             ? Tensor::view(call.graph.type(input).dtype, evaluate(call.graph.type(input).shape, call.sizes), nullptr)
                         : input == no_value ? Tensor()
                                             : call.value(input));
    }
  }

  reference::Arguments arguments() const { return {call_.graph, node_, tensors_, call_.sizes}; }
  std::int64_t rows(std::size_t index) const { return tensors_[index].dim(0); }

 private:
  const Call& call_;
  const Node& node_;
  std::vector<Tensor> tensors_;
};

bool is_known(const Call& call, ValueId value) {
  return call.value(value).size() > 0 || element_count(call.graph.type(value).shape).evaluate(call.sizes) == 0;
}

void check_gather(const Call& call, const Node& node) {
  const ValueId indices = node.inputs[1];
  if (!is_known(call, indices) || call.value(indices).size() == 0) return;
  const auto numbers = call.whole_numbers(indices);
  const auto [least, largest] = std::ranges::minmax(numbers);
  const NodeInputs inputs(call, node);
  if (least >= 0 && largest < inputs.rows(0)) return;
  for (std::size_t i = 0; i < numbers.size(); ++i) reference::gathered_row(inputs.arguments(), 0, 1, static_cast<std::int64_t>(i));
}

void check_attention(const Call& call, const Node& node) {
  const NodeInputs inputs(call, node);
  const auto queries = reference::sequence_bounds(inputs.arguments(), 3, inputs.rows(0));
  const auto keys = reference::sequence_bounds(inputs.arguments(), 4, inputs.rows(1));
  if (queries.size() != keys.size())
    inputs.arguments().fail(fmt::format("{} sequences of queries and {} of keys", queries.size() - 1, keys.size() - 1));
  for (const std::size_t bias : {5U, 6U, 7U}) {
    if (!inputs.arguments().has(bias)) continue;
    const std::int64_t count = inputs.arguments().input(bias).dim(-1);
    for (const std::int64_t column : call.whole_numbers(node.inputs[8]))
      if (column < 0 || column >= count) inputs.arguments().fail(fmt::format("column {} of a bias that has {}", column, count));
  }
}

/// Whether a check of `other` tells all that one of the attention would: layers share their sequences.
bool is_checked_by(const Graph& graph, const Node& attention, const Node& other) {
  const auto rows = [&](const Node& node, std::size_t input) { return graph.type(node.inputs[input]).shape.front(); };
  const auto no_bias = [](const Node& node) {
    return std::all_of(node.inputs.begin() + 5, node.inputs.end(), [](ValueId input) { return input == no_value; });
  };
  return attention.inputs[3] == other.inputs[3] && attention.inputs[4] == other.inputs[4] && rows(attention, 0) == rows(other, 0) &&
         rows(attention, 1) == rows(other, 1) && no_bias(attention) && no_bias(other);
}

void check_shift(const Call& call, const Node& node) {
  const NodeInputs inputs(call, node);
  reference::sequence_bounds(inputs.arguments(), 1, inputs.rows(0));
}

void check_pool(const Call& call, const Node& node) {
  const NodeInputs inputs(call, node);
  const auto bounds = reference::sequence_bounds(inputs.arguments(), 1, inputs.rows(0));
  const Pooling pooling = node.as<PoolOptions>().function;
  if (pooling == Pooling::mean || pooling == Pooling::sum) return;
  if (const auto empty = std::ranges::adjacent_find(bounds); empty != bounds.end())
    inputs.arguments().fail(fmt::format("sequence {} is empty and has no {} row", empty - bounds.begin(), name_of(pooling)));
}

void check_slice(const Call& call, const Node& node) {
  const auto& options = node.as<SliceOptions>();
  if (options.start.is_static() && options.stop.is_static()) return;
  const NodeInputs inputs(call, node);
  const std::int64_t start = options.start.evaluate(call.sizes);
  const std::int64_t stop = options.stop.evaluate(call.sizes);
  const Tensor& x = inputs.arguments().input(0);
  if (start < 0 || stop < start || stop > x.dim(options.axis))
    inputs.arguments().fail(fmt::format("[{}, {}) of axis {} of {}", start, stop, options.axis, shape_text(x.shape())));
}

void check_reduce(const Call& call, const Node& node) {
  const auto& options = node.as<ReduceOptions>();
  if (options.function == Reduction::sum || options.function == Reduction::mean) return;
  const NodeInputs inputs(call, node);
  const Tensor& x = inputs.arguments().input(0);
  if (x.dim(options.axis) == 0)
    inputs.arguments().fail(fmt::format("{} of no elements: the input is {}", name_of(options.function), shape_text(x.shape())));
}

}  // namespace

std::vector<ValueId> sequence_values(const Graph& graph) {
  std::vector<ValueId> values;
  const auto add = [&](ValueId value) {
    if (std::ranges::find(values, value) == values.end()) values.push_back(value);
  };
  for (const Node& node : graph.nodes()) {
    if (node.op == Op::attention) {
      add(node.inputs[3]);
      if (graph.producer(node.inputs[1]).op != Op::append) add(node.inputs[4]);
    }
    if (node.op == Op::sequence_pool || node.op == Op::sequence_cumsum || node.op == Op::sequence_shift) add(node.inputs[1]);
  }
  return values;
}

void check_call(const Call& call) {
  const Node* last_attention = nullptr;
  for (const Node& node : call.graph.nodes()) {
    switch (node.op) {
      case Op::gather:
      case Op::scatter:
        check_gather(call, node);
        break;
      case Op::attention:
        if (last_attention == nullptr || !is_checked_by(call.graph, node, *last_attention)) check_attention(call, node);
        last_attention = &node;
        break;
      case Op::sequence_shift:
        check_shift(call, node);
        break;
      case Op::sequence_pool:
        check_pool(call, node);
        break;
      case Op::slice:
        check_slice(call, node);
        break;
      case Op::reduce:
        check_reduce(call, node);
        break;
      default:
        break;
    }
  }
}

std::int64_t least_longest(const Graph& graph, ValueId sequences) {
  const auto goes_on = [&](const Node& node) { return node.op == Op::append && node.inputs[1] == sequences; };
  return std::ranges::any_of(graph.nodes(), goes_on) ? 1 : 2;
}

Layout layout_of(const Call& call, std::span<const ValueId> sequences) {
  for (ValueId value : sequences) {
    const auto bounds = call.whole_numbers(value);
    if (bounds.size() < 2 || bounds[1] < least_longest(call.graph, value)) return Layout::ragged;
    for (std::size_t i = 1; i < bounds.size(); ++i)
      if (bounds[i] - bounds[i - 1] != bounds[1]) return Layout::ragged;
  }
  return Layout::equal;
}

}  // namespace accelerate::openvino

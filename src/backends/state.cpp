#include "backends/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

const std::string& input_name(const Graph& graph, ValueId value) {
  const Node& producer = graph.producer(value);
  if (producer.op != Op::input) throw Error(ErrorKind::internal, "[append] sequences are not an input of the graph");
  return producer.as<InputOptions>().name;
}

}  // namespace

std::vector<AppendedSize> appended_sizes(const Graph& graph) {
  std::vector<AppendedSize> sizes;
  for (const Node& node : graph.nodes()) {
    if (node.op != Op::append) continue;
    const auto name = node.as<AppendOptions>().rows.as_named();
    if (!name || name->offset != 0) throw Error(ErrorKind::internal, "[append] rows are not a named size");
    const AppendedSize size{.name = name->name, .sequences = node.inputs[1], .context = node.inputs[2]};
    const auto known = std::ranges::find(sizes, size.name, &AppendedSize::name);
    if (known == sizes.end())
      sizes.push_back(size);
    else if (known->sequences != size.sequences || known->context != size.context)
      throw Error(ErrorKind::internal, fmt::format("[append] rows of size '{}' are counted by two inputs", size.name));
  }
  return sizes;
}

TensorMap with_context(const Graph& graph, const TensorMap& inputs, const StateCall& call) {
  if (std::set(call.sequences.begin(), call.sequences.end()).size() != call.sequences.size())
    throw Error(ErrorKind::invalid_argument, "a remembered sequence occurs twice in one call");
  TensorMap complete = inputs;
  for (const AppendedSize& size : appended_sizes(graph)) {
    const std::string& name = input_name(graph, size.sequences);
    const auto given = inputs.find(name);
    if (given == inputs.end()) throw Error(ErrorKind::invalid_argument, fmt::format("input '{}' is missing", name));
    const auto begins = given->second.values<std::int64_t>();
    if (begins.size() != call.sequences.size() + 1)
      throw Error(ErrorKind::invalid_argument, fmt::format("input '{}' has {} sequences, the call's state {}, expected as many", name,
                                                           static_cast<std::int64_t>(begins.size()) - 1, call.sequences.size()));
    std::vector<std::int64_t> context{0};
    for (std::size_t i = 0; i < call.sequences.size(); ++i)
      context.push_back(context.back() + call.state.rows(call.sequences[i], size.name) + begins[i + 1] - begins[i]);
    const auto count = static_cast<std::int64_t>(context.size());
    complete.insert_or_assign(input_name(graph, size.context), Tensor::from<std::int64_t>(context, {count}));
  }
  return complete;
}

void bind_context(const Graph& graph, const TensorMap& inputs, SizeMap& sizes) {
  for (const AppendedSize& size : appended_sizes(graph)) {
    const auto context = inputs.find(input_name(graph, size.context));
    if (context != inputs.end() && context->second.size() > 0)
      sizes.insert_or_assign(size.name, context->second.values<std::int64_t>().back());
  }
}

}  // namespace accelerate

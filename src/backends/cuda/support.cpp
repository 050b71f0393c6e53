#include "backends/cuda/support.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "backends/cuda/kernels/kernels.h"
#include "backends/cuda/state.h"
#include "backends/stored_constants.h"

namespace accelerate::cuda {
namespace {

constexpr std::int64_t largest_head = 256;

Support no(std::string reason) { return {.yes = false, .reason = std::move(reason)}; }

bool is_input(const Graph& graph, ValueId value) { return graph.producer(value).op == Op::input; }

bool is_float(DType dtype) {
  return dtype == DType::float32 || dtype == DType::float16 || dtype == DType::bfloat16 || dtype == DType::float64;
}

Support linear_support(const Graph& graph, const Node& node) {
  const auto parts = stored_matrices(graph, node.inputs[1]);  // those that are no constants yet will be folded
  const auto gives_floats = [](const StoredMatrix& part) { return part.codes || is_float(part.tensor->dtype()); };
  const bool constant = !parts.empty() && std::ranges::all_of(parts, gives_floats);
  if (!constant || graph.type(node.inputs[0]).shape.size() != 2)
    return no("[linear] the weight is not a constant, or the input not [rows, in]");
  return {.yes = true, .reason = {}};
}

/// Why the kernel does not take these biases by distance; nothing when it does.
std::string bias_refusal(const Graph& graph, const Node& node) {
  if (node.inputs.size() <= 8 || node.inputs[8] == no_value) return {};
  if (!is_input(graph, node.inputs[8]) && graph.constant_of(node.inputs[8]) == nullptr)
    return "[attention] the columns of distances are computed";
  std::optional<Dim> columns;
  for (std::size_t input : {5U, 6U, 7U}) {
    if (node.inputs[input] == no_value) continue;
    const Dim& here = graph.type(node.inputs[input]).shape.back();
    if (columns && !(*columns == here)) return "[attention] biases have different numbers of columns";
    columns = here;
  }
  return {};
}

Support attention_support(const Graph& graph, const Node& node) {
  for (std::size_t input = 0; input < 3; ++input) {
    const Shape& shape = graph.type(node.inputs[input]).shape;
    if (!shape[1].is_static() || !shape[2].is_static()) return no("[attention] the heads or their size are known only when the graph runs");
    if (shape[2].value() > largest_head) return no(fmt::format("[attention] heads have more than {} numbers", largest_head));
  }
  if (const std::string reason = bias_refusal(graph, node); !reason.empty()) return no(reason);
  const bool remembers = graph.producer(node.inputs[1]).op == Op::append;
  if (remembers != (graph.producer(node.inputs[2]).op == Op::append))
    return no("[attention] keys or values are remembered without the others");
  for (std::size_t input : {7U, 9U})
    if (remembers && input < node.inputs.size() && node.inputs[input] != no_value)
      return no("[attention] remembered keys have more than their numbers");
  if (!is_input(graph, node.inputs[3]) || !is_input(graph, node.inputs[4])) return no("[attention] the sequences are computed");
  return {.yes = true, .reason = {}};
}

/// What is appended lies in pages, where attention alone finds it.
Support append_support(const Graph& graph, const Node& node) {
  const Node* const attention = attention_of(graph, node);
  if (attention == nullptr || attention->inputs[3] != node.inputs[1] || attention->inputs[4] != node.inputs[2])
    return no("[append] rows are read otherwise than as keys or values of one attention within the same sequences");
  return attention_support(graph, *attention);
}

}  // namespace

Support support_of(const Graph& graph, const Node& node) {
  const auto has_many_axes = [&](ValueId value) { return value != no_value && graph.type(value).shape.size() > largest_rank; };
  if (std::ranges::any_of(node.inputs, has_many_axes) || std::ranges::any_of(node.outputs, has_many_axes))
    return no(fmt::format("[{}] a value has more than {} axes", traits_of(node.op).name, largest_rank));
  switch (node.op) {
    case Op::linear:
      return linear_support(graph, node);
    case Op::attention:
      return attention_support(graph, node);
    case Op::sequence_pool:
    case Op::sequence_cumsum:
    case Op::sequence_shift:
      if (!is_input(graph, node.inputs[1])) return no(fmt::format("[{}] the sequences are computed", traits_of(node.op).name));
      break;
    case Op::binary:
      if (node.as<BinaryOptions>().function == BinaryFunction::power && graph.type(node.inputs[0]).dtype != DType::float32)
        return no("[binary] power takes floats");
      break;
    case Op::embedding_norm:
      if (node.inputs.size() > 2 * (most_tables + 1)) return no(fmt::format("[embedding_norm] there are more than {} tables", most_tables));
      break;
    case Op::append:
      return append_support(graph, node);
    default:
      break;
  }
  return {.yes = true, .reason = {}};
}

}  // namespace accelerate::cuda

#include "backends/cuda/support.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "backends/cuda/kernels/kernels.h"
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
  if (node.inputs.size() > 9 && node.inputs[9] != no_value) return no("[attention] some keys are seen whatever the window");
  if (node.inputs.size() > 10 && node.inputs[10] != no_value) return no("[attention] scores have slopes");
  if (node.as<AttentionOptions>().softcap != 0) return no("[attention] scores are capped");
  for (std::size_t input = 0; input < 3; ++input) {
    const Shape& shape = graph.type(node.inputs[input]).shape;
    if (!shape[1].is_static() || !shape[2].is_static()) return no("[attention] the heads or their size are known only when the graph runs");
    if (shape[2].value() > largest_head) return no(fmt::format("[attention] heads have more than {} numbers", largest_head));
  }
  if (const std::string reason = bias_refusal(graph, node); !reason.empty()) return no(reason);
  if (!is_input(graph, node.inputs[3]) || !is_input(graph, node.inputs[4])) return no("[attention] the sequences are computed");
  return {.yes = true, .reason = {}};
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
      if (!is_input(graph, node.inputs[1])) return no(fmt::format("[{}] the sequences are computed", traits_of(node.op).name));
      break;
    case Op::binary:
      if (node.as<BinaryOptions>().function == BinaryFunction::power && graph.type(node.inputs[0]).dtype != DType::float32)
        return no("[binary] power takes floats");
      break;
    case Op::embedding_norm:
      if (node.inputs.size() > 2 * (most_tables + 1)) return no(fmt::format("[embedding_norm] there are more than {} tables", most_tables));
      break;
    case Op::grouped_linear:
      return no("[grouped_linear] is one product a group here");
    case Op::scatter:
    case Op::append:
    case Op::rope:
    case Op::sequence_shift:
      return no(fmt::format("[{}] has no kernel", traits_of(node.op).name));
    default:
      break;
  }
  return {.yes = true, .reason = {}};
}

}  // namespace accelerate::cuda

#include "backends/cpu/constants.h"

#include <fmt/format.h>

#include "backends/cpu/linear_weights.h"
#include "backends/cpu/row_kernels.h"
#include "backends/cpu/steps.h"
#include "ipfs_accelerate/error.h"
#include "passes/rewriter.h"

namespace accelerate::cpu {
namespace {

bool is_float(DType dtype) {
  return dtype == DType::float32 || dtype == DType::float16 || dtype == DType::bfloat16 || dtype == DType::float64;
}

bool is_plain(DType dtype) { return dtype == DType::float32 || dtype == DType::int64 || dtype == DType::boolean; }

/// Whether the node reads its input'th input in whatever encoding it is stored.
bool reads_encoded(const Graph& graph, const Node& node, std::size_t input, const std::vector<bool>& arranged) {
  switch (node.op) {
    case Op::gather:
      return input == 0;
    case Op::dequantize:
      return true;
    case Op::concat:
    case Op::transpose:
      return arranged[static_cast<std::size_t>(node.outputs.front())];
    case Op::linear:
    case Op::grouped_linear:
    case Op::layer_norm:
    case Op::rms_norm:
    case Op::add_norm:
    case Op::embedding_norm:
      return is_row_local(graph, node);
    default:
      return false;
  }
}

template <typename T>
void widen(const Tensor& from, Tensor& to) {
  const std::span<const T> values = from.values<T>();
  std::ranges::copy(values, to.mutable_values<std::int64_t>().begin());
}

Tensor decoded(const Tensor& tensor) {
  const std::vector<std::int64_t> shape(tensor.shape().begin(), tensor.shape().end());
  if (is_float(tensor.dtype())) {
    Tensor result = Tensor::zeros(DType::float32, shape);
    decode_floats(tensor, 0, tensor.size(), result.mutable_values<float>().data());
    return result;
  }
  Tensor result = Tensor::zeros(DType::int64, shape);
  switch (tensor.dtype()) {
    case DType::int32:
      widen<std::int32_t>(tensor, result);
      return result;
    case DType::int16:
      widen<std::int16_t>(tensor, result);
      return result;
    case DType::int8:
      widen<std::int8_t>(tensor, result);
      return result;
    case DType::uint8:
      widen<std::uint8_t>(tensor, result);
      return result;
    default:
      throw Error(ErrorKind::internal, fmt::format("a constant is stored as {}, which no step reads", name_of(tensor.dtype())));
  }
}

}  // namespace

std::vector<bool> arranged_weights(const Graph& graph) {
  std::vector<bool> arranged(static_cast<std::size_t>(graph.value_count()), false);
  for (const Node& node : graph.nodes()) {
    const bool stacks = node.op == Op::concat || node.op == Op::transpose;
    if (node.op == Op::dequantize || (stacks && !stored_matrices(graph, node.outputs.front()).empty()))
      arranged[static_cast<std::size_t>(node.outputs.front())] = true;
  }
  for (const NamedValue& output : graph.outputs()) arranged[static_cast<std::size_t>(output.value)] = false;
  // Backwards, so that a node's readers are decided before it is.
  for (std::size_t index = graph.nodes().size(); index-- > 0;) {
    const Node& node = graph.nodes()[index];
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == no_value) continue;
      const bool packed = node.op == Op::linear && (i == 1 || i == 2) && is_row_local(graph, node);
      const bool stacked = node.op == Op::concat && arranged[static_cast<std::size_t>(node.outputs.front())];
      const bool looked_up = is_coded_gather(graph, node) && i == 0;
      if (!packed && !stacked && !looked_up) arranged[static_cast<std::size_t>(node.inputs[i])] = false;
    }
  }
  return arranged;
}

Graph decode_constants(const Graph& graph) {
  const std::vector<bool> arranged = arranged_weights(graph);
  std::vector<bool> decode(static_cast<std::size_t>(graph.value_count()), false);
  for (const Node& node : graph.nodes()) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ConstantOptions* constant = graph.constant_of(node.inputs[i]);
      if (constant == nullptr || is_plain(constant->tensor.dtype())) continue;
      const bool can_be_read = is_float(constant->tensor.dtype()) || node.op == Op::dequantize;
      if (!can_be_read || !reads_encoded(graph, node, i, arranged)) decode[static_cast<std::size_t>(node.inputs[i])] = true;
    }
  }
  for (const NamedValue& output : graph.outputs()) {
    const ConstantOptions* constant = graph.constant_of(output.value);
    if (constant != nullptr && !is_plain(constant->tensor.dtype())) decode[static_cast<std::size_t>(output.value)] = true;
  }

  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    if (node.op == Op::constant && decode[static_cast<std::size_t>(node.outputs.front())]) {
      const auto& constant = node.as<ConstantOptions>();
      rewriter.replace(node.outputs.front(), rewriter.graph().constant(decoded(constant.tensor), constant.name));
    } else {
      rewriter.copy(node);
    }
  }
  return rewriter.finish();
}

}  // namespace accelerate::cpu

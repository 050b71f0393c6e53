#include "backends/cpu/general.h"

#include <fmt/format.h>

#include "backends/cpu/general_ops.h"

namespace accelerate::cpu {
namespace {

using Run = void (*)(const GeneralCall& call);

/// The function that computes `op`, or nullptr.
Run run_of(Op op) {
  switch (op) {
    case Op::reshape:
      return run_reshape;
    case Op::transpose:
      return run_transpose;
    case Op::slice:
      return run_slice;
    case Op::concat:
      return run_concat;
    case Op::gather:
      return run_gather;
    case Op::dequantize:
      return run_dequantize;
    case Op::unary:
      return run_unary;
    case Op::binary:
      return run_binary;
    case Op::where:
      return run_where;
    case Op::cast:
      return run_cast;
    case Op::reduce:
      return run_reduce;
    case Op::softmax:
      return run_softmax;
    case Op::matmul:
      return run_matmul;
    case Op::layer_norm:
      return run_layer_norm;
    case Op::rms_norm:
      return run_rms_norm;
    case Op::rope:
      return run_rope;
    case Op::sequence_cumsum:
      return run_sequence_cumsum;
    case Op::sequence_shift:
      return run_sequence_shift;
    case Op::scatter:
      return run_scatter;
    case Op::sequence_pool:
      return run_sequence_pool;
    default:
      return nullptr;
  }
}

}  // namespace

Error GeneralCall::invalid(const std::string& message) const {
  return {ErrorKind::invalid_argument, fmt::format("[{}] {}", traits_of(node.op).name, message)};
}

std::int64_t count_of(std::span<const std::int64_t> shape) {
  std::int64_t count = 1;
  for (std::int64_t size : shape) count *= size;
  return count;
}

std::vector<std::int64_t> strides_of(std::span<const std::int64_t> shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

std::vector<std::int64_t> stretched_strides(std::span<const std::int64_t> shape, std::size_t rank) {
  const std::vector<std::int64_t> own = strides_of(shape);
  std::vector<std::int64_t> strides(rank, 0);
  for (std::size_t i = 1; i <= shape.size(); ++i)
    if (shape[shape.size() - i] != 1) strides[rank - i] = own[own.size() - i];
  return strides;
}

bool general_supports(Op op) { return run_of(op) != nullptr; }

void run_general(const Graph& graph, const Node& node, std::span<const DenseView> inputs, const DenseView& output, const SizeMap& sizes,
                 ThreadPool& threads) {
  const Run run = run_of(node.op);
  if (run == nullptr) throw Error(ErrorKind::internal, fmt::format("[{}] is not one of the general ops", traits_of(node.op).name));
  run({graph, node, inputs, output, sizes, threads});
}

}  // namespace accelerate::cpu

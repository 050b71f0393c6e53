#include "backends/cuda/steps.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/arithmetic.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {

QuantisedRows Int8Block::at(std::byte* memory) const {
  return {.codes = reinterpret_cast<std::int8_t*>(memory),
          .stride = stride,
          .scales = reinterpret_cast<float*>(memory + scales),
          .offsets = reinterpret_cast<std::int32_t*>(memory + offsets)};
}

Int8Block int8_block(std::int64_t rows, std::int64_t columns) {
  const auto count = static_cast<std::size_t>(rows);
  Int8Block block{.stride = round_up(columns, int8_alignment)};
  block.scales = aligned(count * static_cast<std::size_t>(block.stride));
  block.offsets = block.scales + aligned(count * sizeof(float));
  block.bytes = block.offsets + aligned(count * sizeof(std::int32_t));
  return block;
}

std::byte* Call::at(ValueId value) const {
  if (value == no_value) return nullptr;
  const PlannedValue& planned = plan(value);
  std::byte* const root = memory[static_cast<std::size_t>(planned.root)];
  return root == nullptr ? nullptr : root + static_cast<std::size_t>(planned.offset) * size_of(planned.element);
}

Extents Call::extents(ValueId value) const {
  const std::vector<std::int64_t> sizes_of_axes = shape(value);
  Extents result{.rank = static_cast<int>(sizes_of_axes.size())};
  std::ranges::copy(sizes_of_axes, result.sizes.begin());
  return result;
}

std::int64_t Call::rows(ValueId value) const {
  const std::vector<std::int64_t> sizes_of_axes = shape(value);
  std::int64_t result = 1;
  for (std::size_t axis = 0; axis + 1 < sizes_of_axes.size(); ++axis) result *= sizes_of_axes[axis];
  return result;
}

std::unique_ptr<Step> make_step(StepContext& context, const Node& node) {
  std::unique_ptr<Step> step;
  switch (node.op) {
    case Op::linear:
      step = make_linear(context, node);
      break;
    case Op::grouped_linear:
      step = make_grouped_linear(context, node);
      break;
    case Op::append:
      step = make_append(context, node);
      break;
    case Op::attention:
      step = make_attention(context, node);
      break;
    case Op::gather:
    case Op::scatter:
    case Op::embedding_norm:
    case Op::layer_norm:
    case Op::rms_norm:
    case Op::add_norm:
    case Op::softmax:
    case Op::rope:
      step = make_row_step(context, node);
      break;
    case Op::unary:
    case Op::binary:
    case Op::where:
    case Op::cast:
    case Op::reduce:
    case Op::matmul:
      step = make_element_step(context, node);
      break;
    case Op::reshape:
    case Op::transpose:
    case Op::slice:
    case Op::concat:
      step = make_copy_step(context, node);
      break;
    case Op::sequence_pool:
    case Op::sequence_cumsum:
    case Op::sequence_shift:
      step = make_sequence_step(context, node);
      break;
    case Op::input:
    case Op::constant:
    case Op::dequantize:  // folded before steps are made
      break;
  }
  if (step == nullptr) throw Error(ErrorKind::internal, fmt::format("[{}] has no step on cuda", traits_of(node.op).name));
  return step;
}

}  // namespace accelerate::cuda

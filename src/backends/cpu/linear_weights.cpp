#include "backends/cpu/linear_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/arithmetic.h"
#include "base/half.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cpu {
namespace {

std::int64_t total_rows(std::span<const Tensor* const> parts) {
  std::int64_t rows = 0;
  for (const Tensor* part : parts) rows += part->dim(0);
  return rows;
}

/// Rows [first, first + count) of the stacked parts as float32.
void decode_rows(std::span<const Tensor* const> parts, std::int64_t first, std::int64_t count, std::int64_t columns, float* result) {
  for (const Tensor* part : parts) {
    const std::int64_t here = std::clamp<std::int64_t>(part->dim(0) - first, 0, count);
    if (here > 0) {
      decode_floats(*part, first * columns, here * columns, result);
      result += here * columns;
      count -= here;
    }
    first = std::max<std::int64_t>(first - part->dim(0), 0);
  }
}

}  // namespace

void decode_floats(const Tensor& tensor, std::int64_t first, std::int64_t count, float* result) {
  const std::byte* source = tensor.bytes().data() + static_cast<std::size_t>(first) * size_of(tensor.dtype());
  const auto each = [&]<typename T>(T, auto convert) {
    for (std::int64_t i = 0; i < count; ++i) {
      T element;
      std::memcpy(&element, source + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
      result[i] = convert(element);
    }
  };
  switch (tensor.dtype()) {
    case DType::float32:
      std::memcpy(result, source, static_cast<std::size_t>(count) * sizeof(float));
      return;
    case DType::bfloat16:
      return each(std::uint16_t{}, from_bfloat16);
    case DType::float16:
      return each(std::uint16_t{}, from_float16);
    case DType::float64:
      return each(double{}, [](double x) { return static_cast<float>(x); });
    default:
      throw Error(ErrorKind::internal, fmt::format("a weight is stored as {}, which is no float encoding", name_of(tensor.dtype())));
  }
}

std::vector<const Tensor*> constant_parts(const Graph& graph, ValueId value) {
  if (value == no_value) return {};
  if (const ConstantOptions* constant = graph.constant_of(value)) return {&constant->tensor};
  const Node& producer = graph.producer(value);
  if (producer.op != Op::concat || producer.as<AxisOptions>().axis != 0) return {};
  std::vector<const Tensor*> parts;
  for (ValueId input : producer.inputs) {
    const ConstantOptions* constant = graph.constant_of(input);
    if (constant == nullptr) return {};
    parts.push_back(&constant->tensor);
  }
  return parts;
}

std::vector<float> constant_floats(const Graph& graph, ValueId value) {
  std::vector<float> result;
  for (const Tensor* part : constant_parts(graph, value)) {
    const std::size_t begin = result.size();
    result.resize(begin + static_cast<std::size_t>(part->size()));
    decode_floats(*part, 0, part->size(), result.data() + begin);
  }
  return result;
}

LinearWeights::LinearWeights(const KernelTable& kernels, Precision precision, std::span<const Tensor* const> parts, ThreadPool& threads) {
  const std::int64_t inputs = parts.front()->dim(1);
  const std::int64_t outputs = total_rows(parts);
  const std::int64_t columns = kernels.gemm_shape(precision).panel_columns;
  const std::int64_t panels = divide_up(outputs, columns);
  const std::int64_t panel_bytes = kernels.packed_bytes(precision, outputs, inputs);
  const auto per_output = static_cast<std::size_t>(precision == Precision::int8 ? panels * columns : 0);

  const auto matrix_bytes = static_cast<std::size_t>(round_up(panel_bytes, 64));
  memory_ = Buffer(matrix_bytes + 2 * per_output * sizeof(float));
  std::byte* scales = memory_.data() + matrix_bytes;
  packed_ = {.precision = precision,
             .outputs = outputs,
             .inputs = inputs,
             .panels = memory_.data(),
             .scales = per_output == 0 ? nullptr : reinterpret_cast<float*>(scales),
             .sums = per_output == 0 ? nullptr : reinterpret_cast<std::int32_t*>(scales + per_output * sizeof(float))};

  const bool direct = parts.size() == 1 && parts.front()->dtype() == DType::float32;
  std::vector<std::vector<float>> scratch(static_cast<std::size_t>(threads.threads()));
  threads.parallel_for(panels, [&](std::int64_t panel, int worker) {
    const std::int64_t first = panel * columns;
    const std::int64_t count = std::min(columns, outputs - first);
    if (direct) return kernels.pack_panel(packed_, panel, parts.front()->values<float>().data() + first * inputs, count);
    std::vector<float>& rows = scratch[static_cast<std::size_t>(worker)];
    rows.resize(static_cast<std::size_t>(columns * inputs));
    decode_rows(parts, first, count, inputs, rows.data());
    kernels.pack_panel(packed_, panel, rows.data(), count);
  });
}

std::shared_ptr<const LinearWeights> SharedWeights::get(const KernelTable& kernels, Precision precision,
                                                        std::span<const Tensor* const> parts, ThreadPool& threads) {
  Key key{precision, {}};
  for (const Tensor* part : parts) key.second.emplace_back(part->bytes().data(), part->dim(0));
  std::shared_ptr<const LinearWeights>& packed = packed_[key];
  if (packed == nullptr) packed = std::make_shared<const LinearWeights>(kernels, precision, parts, threads);
  return packed;
}

}  // namespace accelerate::cpu

#include "backends/stored_constants.h"

#include <fmt/format.h>

#include <cstring>

#include "base/half.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {

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

std::vector<StoredMatrix> stored_matrices(const Graph& graph, ValueId value) {
  if (value == no_value || graph.type(value).shape.size() != 2) return {};
  const Node& producer = graph.producer(value);
  if (producer.op == Op::transpose) {
    const ConstantOptions* constant = graph.constant_of(producer.inputs[0]);
    const bool swaps = producer.as<TransposeOptions>().permutation.front() == 1;
    if (constant != nullptr && swaps) return {{.tensor = &constant->tensor, .transposed = true}};
  }
  std::vector<StoredMatrix> matrices;
  for (const Tensor* part : constant_parts(graph, value)) matrices.push_back({.tensor = part});
  return matrices;
}

void decode_rows(const StoredMatrix& matrix, std::int64_t first, std::int64_t count, float* result) {
  const std::int64_t columns = matrix.columns();
  if (!matrix.transposed) return decode_floats(*matrix.tensor, first * columns, count * columns, result);
  std::vector<float> stored(static_cast<std::size_t>(count));
  for (std::int64_t column = 0; column < columns; ++column) {
    decode_floats(*matrix.tensor, column * matrix.rows() + first, count, stored.data());
    for (std::int64_t row = 0; row < count; ++row) result[row * columns + column] = stored[static_cast<std::size_t>(row)];
  }
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

}  // namespace accelerate

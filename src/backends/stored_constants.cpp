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
  const bool is_stack = producer.op == Op::concat && producer.as<AxisOptions>().axis == 0;
  std::vector<StoredMatrix> matrices;
  for (const ValueId part : is_stack ? std::span<const ValueId>(producer.inputs) : std::span<const ValueId>(&value, 1)) {
    const Node& own = graph.producer(part);
    if (own.op == Op::constant) {
      matrices.push_back({.tensor = &own.as<ConstantOptions>().tensor});
    } else if (own.op == Op::dequantize) {
      const StoredCodes codes = stored_codes(graph, own);
      matrices.push_back({.tensor = codes.codes, .codes = codes});
    } else {
      return {};
    }
  }
  return matrices;
}

StoredCodes stored_codes(const Graph& graph, const Node& dequantize) {
  const auto tensor = [&](std::size_t input) -> const Tensor* {
    const bool is_there = input < dequantize.inputs.size() && dequantize.inputs[input] != no_value;
    return is_there ? &graph.constant_of(dequantize.inputs[input])->tensor : nullptr;
  };
  return {
      .codes = tensor(0), .scales = tensor(1), .offsets = tensor(2), .group_of = tensor(3), .options = dequantize.as<DequantizeOptions>()};
}

void decode_rows(const StoredCodes& stored, std::int64_t first, std::int64_t count, float* result) {
  const DequantizeOptions& options = stored.options;
  const std::int64_t groups = stored.groups();
  const std::int64_t stored_columns = stored.codes->dim(1);
  const bool is_signed = stored.codes->dtype() == DType::int8;
  const std::span<const std::int32_t> group_of =
      stored.group_of == nullptr ? std::span<const std::int32_t>{} : stored.group_of->values<std::int32_t>();
  std::vector<float> scales(static_cast<std::size_t>(groups));
  std::vector<float> offsets(scales.size(), 0.0F);
  std::vector<float> codes(static_cast<std::size_t>(options.columns + 1));
  for (std::int64_t row = first; row < first + count; ++row, result += options.columns) {
    decode_floats(*stored.scales, row * groups, groups, scales.data());
    if (stored.offsets != nullptr) decode_floats(*stored.offsets, row * groups, groups, offsets.data());
    const auto* from = reinterpret_cast<const std::uint8_t*>(stored.codes->bytes().data()) + row * stored_columns;
    const auto zero = static_cast<std::int32_t>(options.zero);
    for (std::int64_t i = 0; i < stored_columns; ++i) {
      const auto place = static_cast<std::size_t>(i);
      if (options.bits == 4) {
        codes[2 * place] = static_cast<float>((from[i] & 15) - zero);
        codes[2 * place + 1] = static_cast<float>((from[i] >> 4) - zero);
      } else {
        codes[place] = static_cast<float>((is_signed ? static_cast<std::int8_t>(from[i]) : from[i]) - zero);
      }
    }
    for (std::int64_t column = 0; column < options.columns; ++column) {
      const auto place = static_cast<std::size_t>(column);
      const auto group = static_cast<std::size_t>(group_of.empty() ? column / options.group_size : group_of[place]);
      result[column] = scales[group] * codes[place] + offsets[group];
    }
  }
}

void decode_rows(const StoredMatrix& matrix, std::int64_t first, std::int64_t count, float* result) {
  if (matrix.codes) return decode_rows(*matrix.codes, first, count, result);
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

// Ops that move elements or decode them, and compute nothing.
#include <fmt/format.h>

#include <cstring>

#include "backends/cpu/general_ops.h"
#include "backends/stored_constants.h"
#include "base/half.h"

namespace accelerate::cpu {
namespace {

/// Copies the operand's elements, from `start` on, to where the loop says.
void copy_strided(const GeneralCall& call, const StridedLoop<1>& loop, std::int64_t start) {
  with_element_type(call.output.dtype, [&]<typename T>(T) {
    const T* from = elements<T>(call.inputs[0]) + start;
    T* to = elements<T>(call.output);
    loop.for_each_run(call.threads, [&](const StridedLoop<1>::Run& run) {
      const T* x = from + run.offsets[0];
      T* y = to + run.first;
      const std::int64_t stride = run.strides[0];
      if (stride == 1)
        std::copy_n(x, run.count, y);
      else
        for (std::int64_t i = 0; i < run.count; ++i) y[i] = x[i * stride];
    });
  });
}

/// Puts the float32 values of `count` elements, stored as `dtype`, at `to`.
void widen(DType dtype, const std::byte* from, std::int64_t count, float* to) {
  switch (dtype) {
    case DType::float16: {
      const auto* values = reinterpret_cast<const std::uint16_t*>(from);
      std::transform(values, values + count, to, from_float16);
      break;
    }
    case DType::bfloat16: {
      const auto* values = reinterpret_cast<const std::uint16_t*>(from);
      std::transform(values, values + count, to, from_bfloat16);
      break;
    }
    case DType::float64: {
      const auto* values = reinterpret_cast<const double*>(from);
      std::transform(values, values + count, to, [](double value) { return static_cast<float>(value); });
      break;
    }
    default:
      throw Error(ErrorKind::internal, fmt::format("[gather] the table is {}, which has no float32 values", name_of(dtype)));
  }
}

std::string table_name(const GeneralCall& call) {
  const ConstantOptions* table = call.graph.constant_of(call.node.inputs[0]);
  return table == nullptr || table->name.empty() ? "" : fmt::format(" ('{}')", table->name);
}

}  // namespace

void run_reshape(const GeneralCall& call) {
  const DenseView& x = call.inputs[0];
  const std::int64_t bytes = count_of(x.shape) * static_cast<std::int64_t>(size_of(x.dtype));
  if (x.data == call.output.data) return;
  for_chunks(call.threads, bytes, elements_per_chunk * 4, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(call.output.data + begin, x.data + begin, static_cast<std::size_t>(end - begin));
  });
}

void run_transpose(const GeneralCall& call) {
  const std::vector<int>& permutation = call.node.as<TransposeOptions>().permutation;
  const std::vector<std::int64_t> strides = strides_of(call.inputs[0].shape);
  StridedLoop<1> loop;
  for (std::size_t axis = 0; axis < permutation.size(); ++axis)
    loop.add_axis(call.output.shape[axis], {strides[static_cast<std::size_t>(permutation[axis])]});
  copy_strided(call, loop, 0);
}

void run_slice(const GeneralCall& call) {
  const auto& options = call.node.as<SliceOptions>();
  const DenseView& x = call.inputs[0];
  const auto sliced = static_cast<std::size_t>(options.axis);
  const std::int64_t start = options.start.evaluate(call.sizes);
  const std::int64_t stop = options.stop.evaluate(call.sizes);
  if (start < 0 || stop < start || stop > x.shape[sliced])
    throw call.invalid(fmt::format("[{}, {}) of axis {} of {}", start, stop, sliced, shape_text(x.shape)));

  const std::vector<std::int64_t> strides = strides_of(x.shape);
  StridedLoop<1> loop;
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis)
    loop.add_axis(call.output.shape[axis], {strides[axis] * (axis == sliced ? options.step : 1)});
  copy_strided(call, loop, start * strides[sliced]);
}

void run_concat(const GeneralCall& call) {
  const auto axis = static_cast<std::size_t>(call.node.as<AxisOptions>().axis);
  const std::span<const std::int64_t> shape = call.output.shape;
  const std::int64_t rows = count_of(shape.first(axis));
  const std::int64_t output_row = count_of(shape.subspan(axis)) * static_cast<std::int64_t>(size_of(call.output.dtype));
  std::byte* to = call.output.data;
  for (const DenseView& x : call.inputs) {
    const std::int64_t row = count_of(std::span(x.shape).subspan(axis)) * static_cast<std::int64_t>(size_of(x.dtype));
    if (row == 0) continue;
    for_chunks(call.threads, rows, items_per_chunk(row / 4), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) std::memcpy(to + i * output_row, x.data + i * row, static_cast<std::size_t>(row));
    });
    to += row;
  }
}

/// Input 1 as rows of input 0, all checked before any is used, so that the error names the first whatever the threads do.
static std::span<const std::int64_t> row_indices(const GeneralCall& call) {
  const std::int64_t rows = call.inputs[0].shape[0];
  const std::span indices(elements<std::int64_t>(call.inputs[1]), static_cast<std::size_t>(count_of(call.inputs[1].shape)));
  for (std::size_t i = 0; i < indices.size(); ++i)
    if (indices[i] < 0 || indices[i] >= rows)
      throw call.invalid(fmt::format("index {} at position {} is outside the table of {} rows{}", indices[i], i, rows, table_name(call)));
  return indices;
}

void run_scatter(const GeneralCall& call) {
  const std::span<const std::int64_t> indices = row_indices(call);
  const DenseView& x = call.inputs[0];
  const std::size_t row = static_cast<std::size_t>(count_of(std::span(x.shape).subspan(1))) * size_of(x.dtype);
  if (row == 0 || x.shape[0] == 0) return;
  std::memcpy(call.output.data, x.data, static_cast<std::size_t>(x.shape[0]) * row);
  for (std::size_t i = 0; i < indices.size(); ++i)
    std::memcpy(call.output.data + static_cast<std::size_t>(indices[i]) * row, call.inputs[2].data + i * row, row);
}

void run_gather(const GeneralCall& call) {
  const DenseView& table = call.inputs[0];
  const std::span<const std::int64_t> indices = row_indices(call);
  const auto count = static_cast<std::int64_t>(indices.size());
  const std::int64_t columns = count_of(std::span(table.shape).subspan(1));
  const std::int64_t row = columns * static_cast<std::int64_t>(size_of(table.dtype));
  if (row == 0) return;
  for_chunks(call.threads, count, items_per_chunk(columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::byte* from = table.data + indices[static_cast<std::size_t>(i)] * row;
      if (table.dtype == call.output.dtype)
        std::memcpy(call.output.data + i * row, from, static_cast<std::size_t>(row));
      else
        widen(table.dtype, from, columns, elements<float>(call.output) + i * columns);
    }
  });
}

void run_dequantize(const GeneralCall& call) {
  const StoredCodes stored = stored_codes(call.graph, call.node);
  const std::int64_t columns = stored.options.columns;
  for_chunks(call.threads, stored.rows(), items_per_chunk(columns), [&](std::int64_t begin, std::int64_t end) {
    decode_rows(stored, begin, end - begin, elements<float>(call.output) + begin * columns);
  });
}

}  // namespace accelerate::cpu

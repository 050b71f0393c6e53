// Elements of any kind in host memory, for kernels that are plain loops.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "backends/cuda/kernels/kernels.h"
#include "base/half.h"

namespace accelerate::cuda {

template <typename T>
T load_as(const void* data, std::int64_t index) {
  T element;
  std::memcpy(&element, static_cast<const std::byte*>(data) + static_cast<std::size_t>(index) * sizeof(T), sizeof(T));
  return element;
}

template <typename T>
void store_as(void* data, std::int64_t index, T element) {
  std::memcpy(static_cast<std::byte*>(data) + static_cast<std::size_t>(index) * sizeof(T), &element, sizeof(T));
}

inline double load(const void* data, Element element, std::int64_t index) {
  switch (element) {
    case Element::float32:
      return load_as<float>(data, index);
    case Element::float16:
      return from_float16(load_as<std::uint16_t>(data, index));
    case Element::bfloat16:
      return from_bfloat16(load_as<std::uint16_t>(data, index));
    case Element::int64:
      return static_cast<double>(load_as<std::int64_t>(data, index));
    case Element::boolean:
      return load_as<std::uint8_t>(data, index);
  }
  return 0;
}

inline void store(void* data, Element element, std::int64_t index, double number) {
  switch (element) {
    case Element::float32:
      return store_as(data, index, static_cast<float>(number));
    case Element::float16:
      return store_as(data, index, to_float16(static_cast<float>(number)));
    case Element::bfloat16:
      return store_as(data, index, to_bfloat16(static_cast<float>(number)));
    case Element::int64:
      return store_as(data, index, static_cast<std::int64_t>(number));
    case Element::boolean:
      return store_as(data, index, static_cast<std::uint8_t>(number != 0));
  }
}

inline bool is_float(Element element) { return element != Element::int64 && element != Element::boolean; }

/// Row `row` of an input of that many columns.
inline std::vector<double> row_of(const Input& input, std::int64_t row, std::int64_t columns) {
  const std::int64_t stride = input.stride == 0 ? columns : input.stride;
  std::vector<double> result;
  for (std::int64_t i = 0; i < columns; ++i) result.push_back(load(input.data, input.element, row * stride + i));
  return result;
}

inline void put_row(const Output& output, std::int64_t row, const std::vector<double>& numbers) {
  if (output.data == nullptr) return;
  const auto columns = static_cast<std::int64_t>(numbers.size());
  const std::int64_t stride = output.stride == 0 ? columns : output.stride;
  for (std::int64_t i = 0; i < columns; ++i) store(output.data, output.element, row * stride + i, numbers[static_cast<std::size_t>(i)]);
}

/// The row as QuantisedRows describes it; nothing when these are not wanted.
void put_quantised(const QuantisedRows& rows, std::int64_t row, const std::vector<double>& numbers);

/// Calls function(index) for each index of the extents, the last axis fastest.
template <typename Function>
void for_each_place(const Extents& extents, Function function) {
  std::array<std::int64_t, largest_rank> index{};
  std::int64_t count = 1;
  for (int axis = 0; axis < extents.rank; ++axis) count *= extents.sizes[static_cast<std::size_t>(axis)];
  for (std::int64_t i = 0; i < count; ++i) {
    function(index);
    for (int axis = extents.rank; axis-- > 0;) {
      const auto place = static_cast<std::size_t>(axis);
      if (++index[place] < extents.sizes[place]) break;
      index[place] = 0;
    }
  }
}

/// The place in an array of `extents` that is stretched to rank `rank`.
inline std::int64_t stretched_place(const Extents& extents, int rank, const std::array<std::int64_t, largest_rank>& index) {
  std::int64_t place = 0;
  for (int axis = 0; axis < extents.rank; ++axis) {
    const std::int64_t size = extents.sizes[static_cast<std::size_t>(axis)];
    place = place * size + (size == 1 ? 0 : index[static_cast<std::size_t>(axis + rank - extents.rank)]);
  }
  return place;
}

}  // namespace accelerate::cuda

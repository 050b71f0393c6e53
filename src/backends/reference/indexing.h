// How definitions walk over arrays of any rank.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "ipfs_accelerate/tensor.h"

namespace accelerate::reference {

/// Calls function(index) for each index of a row-major array of that shape, in the order of its elements.
template <typename Function>
void for_each_index(std::span<const std::int64_t> shape, Function function) {
  for (std::int64_t size : shape)
    if (size == 0) return;
  std::vector<std::int64_t> index(shape.size(), 0);
  for (;;) {
    function(std::span<const std::int64_t>(index));
    std::size_t axis = shape.size();
    while (axis > 0 && ++index[axis - 1] == shape[axis - 1]) index[--axis] = 0;
    if (axis == 0) return;
  }
}

/// The place of `index` among the elements of a row-major array of that shape. An index of more axes, or beyond an axis
/// of size 1, reads the array as if it were stretched (NumPy's broadcasting).
inline std::int64_t place_of(std::span<const std::int64_t> index, std::span<const std::int64_t> shape) {
  const auto last_axes = index.last(shape.size());
  std::int64_t place = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) place = place * shape[axis] + (shape[axis] == 1 ? 0 : last_axes[axis]);
  return place;
}

/// Copies `count` elements of any dtype from one place of a tensor to a place of another.
inline void copy_elements(const Tensor& from, std::int64_t from_place, Tensor& to, std::int64_t to_place, std::int64_t count = 1) {
  const auto size = static_cast<std::int64_t>(size_of(from.dtype()));
  if (count > 0)
    std::memcpy(to.mutable_bytes().data() + to_place * size, from.bytes().data() + from_place * size,
                static_cast<std::size_t>(count * size));
}

/// Row `row` of the elements taken as rows of `columns`.
template <typename T>
std::span<T> row_of(std::span<T> elements, std::int64_t row, std::int64_t columns) {
  return elements.subspan(static_cast<std::size_t>(row * columns), static_cast<std::size_t>(columns));
}

/// Number of rows of the tensor's last axis.
inline std::int64_t row_count(const Tensor& tensor) {
  std::int64_t rows = 1;
  for (std::int64_t size : tensor.shape().first(tensor.shape().size() - 1)) rows *= size;
  return rows;
}

}  // namespace accelerate::reference

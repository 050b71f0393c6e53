// How kernels walk over arrays of any rank: the launcher merges axes that lie in each other, threads turn a number into places.
#pragma once

#include <cstdint>

#include "backends/cuda/kernels/kernels.h"

namespace accelerate::cuda {

/// Arrays that are walked over together, each with strides of its own.
template <int arrays>
struct Walk {
  int rank = 0;
  std::int64_t sizes[largest_rank] = {};
  std::int64_t strides[arrays][largest_rank] = {};

  __host__ __device__ std::int64_t count() const {
    std::int64_t product = 1;
    for (int axis = 0; axis < rank; ++axis) product *= sizes[axis];
    return product;
  }

  /// Where the elements of row-major number `number` lie; Index has room for it.
  template <class Index>
  __host__ __device__ void places(Index number, std::int64_t (&result)[arrays]) const {
    for (int array = 0; array < arrays; ++array) result[array] = 0;
    for (int axis = rank - 1; axis >= 0; --axis) {
      const auto size = static_cast<Index>(sizes[axis]);
      const Index rest = number / size;
      const auto index = static_cast<std::int64_t>(number - rest * size);
      for (int array = 0; array < arrays; ++array) result[array] += index * strides[array][axis];
      number = rest;
    }
  }

  /// Whether array's elements lie one after another.
  bool is_dense(int array) const { return rank == 0 || (rank == 1 && strides[array][0] == 1); }
  /// Whether array is one element.
  bool is_scalar(int array) const {
    for (int axis = 0; axis < rank; ++axis)
      if (strides[array][axis] != 0) return false;
    return true;
  }
};

inline Extents dense_strides(const Extents& extents) {
  Extents strides{.rank = extents.rank};
  std::int64_t stride = 1;
  for (int axis = extents.rank - 1; axis >= 0; --axis) {
    strides.sizes[static_cast<std::size_t>(axis)] = stride;
    stride *= extents.sizes[static_cast<std::size_t>(axis)];
  }
  return strides;
}

/// The strides by which a dense array of `input` is read as if it were stretched to `output`, which has no fewer axes.
inline Extents stretched_strides(const Extents& input, const Extents& output) {
  const Extents dense = dense_strides(input);
  Extents strides{.rank = output.rank};
  const int missing = output.rank - input.rank;
  for (int axis = missing; axis < output.rank; ++axis) {
    const auto own = static_cast<std::size_t>(axis - missing);
    strides.sizes[static_cast<std::size_t>(axis)] = input.sizes[own] == 1 ? 0 : dense.sizes[own];
  }
  return strides;
}

/// The walk of least rank over arrays of those strides.
template <int arrays>
Walk<arrays> walk_over(const Extents& extents, const Extents (&strides)[arrays]) {
  Walk<arrays> walk;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(extents.rank); ++axis) {
    const std::int64_t size = extents.sizes[axis];
    if (size == 1) continue;
    bool merges = walk.rank > 0;
    for (int array = 0; array < arrays && merges; ++array) merges = walk.strides[array][walk.rank - 1] == size * strides[array].sizes[axis];
    if (!merges) ++walk.rank;
    const int last = walk.rank - 1;
    walk.sizes[last] = merges ? walk.sizes[last] * size : size;
    for (int array = 0; array < arrays; ++array) walk.strides[array][last] = strides[array].sizes[axis];
  }
  return walk;
}

}  // namespace accelerate::cuda

// Rows held in registers: a row is taken by a team of 32 threads or by a whole block, each thread keeping eight neighbours of
// every chunk, so that statistics need the row once from memory. Rows too long for that are read again for each pass.
#pragma once

#include <cmath>
#include <cstdint>

#include "backends/cuda/kernels/elements.cuh"
#include "backends/cuda/kernels/kernels.h"
#include "backends/cuda/kernels/quantisation.cuh"

namespace accelerate::cuda {

struct AddNumbers {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct LargerNumber {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};
struct SmallerNumber {
  __device__ float operator()(float a, float b) const { return fminf(a, b); }
};

/// The threads that take a row, and how they share it out: thread t keeps the columns from (chunk · threads + t) · 8 on.
template <int team_threads, int chunk_count, bool vectored>
struct Team {
  static constexpr int threads = team_threads;
  static constexpr int chunks = chunk_count;  ///< 0: as many as the row needs, and none is kept
  static constexpr bool is_vectored = vectored;
  static constexpr int rows_in_block = threads == 32 ? 4 : 1;

  static __device__ int thread() { return static_cast<int>(threadIdx.x) % threads; }
  static __device__ std::int64_t row() {
    return static_cast<std::int64_t>(blockIdx.x) * rows_in_block + static_cast<int>(threadIdx.x) / threads;
  }

  /// The combination of every thread's value, given to all.
  template <class Combine>
  static __device__ float reduce(float value, Combine combine) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) value = combine(value, __shfl_xor_sync(0xffffffffU, value, distance));
    if constexpr (threads > 32) {
      __shared__ float partial[threads / 32];
      __syncthreads();  // what the reduction before left has been read
      if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
      __syncthreads();
      value = partial[0];
#pragma unroll
      for (int warp = 1; warp < threads / 32; ++warp) value = combine(value, partial[warp]);
    }
    return value;
  }
};

/// A thread's part of its row. Source fetches eight values: source.fetch<vectored>(row, column, count, values).
template <class Team, class Source>
class Row {
 public:
  __device__ Row(const Source& source, std::int64_t row, std::int64_t columns) : source_(source), row_(row), columns_(columns) {
#pragma unroll
    for (int chunk = 0; chunk < Team::chunks; ++chunk) {
      const std::int64_t column = column_of(chunk);
      source_.template fetch<Team::is_vectored>(row_, column, count_at(column), values_[chunk]);
    }
  }

  /// Calls function(column, count, values) for each eight neighbours, of which `count` exist; it may change them, and what it
  /// leaves is kept where the row is.
  template <class Function>
  __device__ void for_each(Function function) {
    if constexpr (Team::chunks > 0) {
#pragma unroll
      for (int chunk = 0; chunk < Team::chunks; ++chunk) {
        const std::int64_t column = column_of(chunk);
        const int count = count_at(column);
        if (count > 0) function(column, count, values_[chunk]);
      }
    } else {
      for (std::int64_t chunk = 0; chunk * Team::threads * vector_size < columns_; ++chunk) {
        const std::int64_t column = column_of(chunk);
        const int count = count_at(column);
        Vector values;
        source_.template fetch<Team::is_vectored>(row_, column, count, values);
        if (count > 0) function(column, count, values);
      }
    }
  }

  /// The sum over the row of function(value).
  template <class Function>
  __device__ float sum(Function function) {
    float total = 0;
    for_each([&](std::int64_t, int count, Vector& values) {
#pragma unroll
      for (int i = 0; i < vector_size; ++i)
        if (i < count) total += function(values[i]);
    });
    return Team::reduce(total, AddNumbers{});
  }

  __device__ float largest() {
    float result = -INFINITY;
    for_each([&](std::int64_t, int count, Vector& values) {
#pragma unroll
      for (int i = 0; i < vector_size; ++i)
        if (i < count) result = fmaxf(result, values[i]);
    });
    return Team::reduce(result, LargerNumber{});
  }

 private:
  static __device__ std::int64_t column_of(std::int64_t chunk) { return (chunk * Team::threads + Team::thread()) * vector_size; }
  __device__ int count_at(std::int64_t column) const {
    const std::int64_t rest = columns_ - column;
    return rest >= vector_size ? vector_size : (rest > 0 ? static_cast<int>(rest) : 0);
  }

  const Source& source_;
  std::int64_t row_;
  std::int64_t columns_;
  Vector values_[Team::chunks > 0 ? Team::chunks : 1];
};

template <bool vectored>
__device__ void store_codes(std::int8_t* codes, const RowQuantiser& quantiser, int count, const Vector& values) {
  if constexpr (vectored) {
    std::uint32_t words[2] = {0, 0};
#pragma unroll
    for (int i = 0; i < vector_size; ++i)
      words[i / 4] |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(quantiser.code(values[i]))) << (i % 4 * 8);
    *reinterpret_cast<uint2*>(codes) = make_uint2(words[0], words[1]);
  } else {
#pragma unroll
    for (int i = 0; i < vector_size; ++i)
      if (i < count) codes[i] = quantiser.code(values[i]);
  }
}

/// What a row kernel writes.
struct RowResult {
  Output y;
  QuantisedRows quantised;
  std::int64_t columns;
};

/// Writes a row of results. finish(column, count, values, is_last) turns eight values of `row` into results. It may run twice
/// over a row that is not kept; nothing is written, so nothing that lies where an input lies is lost, before the run that is
/// the last.
template <class Team, class Row, class Finish>
__device__ void store_row(Row& row, std::int64_t number, const RowResult& result, Finish finish) {
  constexpr bool is_kept = Team::chunks > 0;
  if constexpr (is_kept) row.for_each([&](std::int64_t column, int count, Vector& values) { finish(column, count, values, true); });

  const bool is_quantised = result.quantised.codes != nullptr;
  RowQuantiser quantiser{1.0F, 0.0F};
  if (is_quantised) {
    float least = 0;
    float largest = 0;
    float check = 0;  // stays 0 as long as all are finite, else becomes NaN
    row.for_each([&](std::int64_t column, int count, Vector& values) {
      if constexpr (!is_kept) finish(column, count, values, false);
#pragma unroll
      for (int i = 0; i < vector_size; ++i) {
        if (i >= count) continue;
        least = fminf(least, values[i]);
        largest = fmaxf(largest, values[i]);
        check += values[i] * 0.0F;
      }
    });
    least = Team::reduce(least, SmallerNumber{});
    largest = Team::reduce(largest, LargerNumber{});
    check = Team::reduce(check, AddNumbers{});
    quantiser = row_quantiser(least, largest, check == 0.0F);
  }

  std::int8_t* codes = result.quantised.codes + number * result.quantised.stride;
  row.for_each([&](std::int64_t column, int count, Vector& values) {
    if constexpr (!is_kept) finish(column, count, values, true);
    if (result.y.data != nullptr)
      store_vector<Team::is_vectored>(result.y.data, result.y.element, number * result.y.stride + column, count, values);
    if (is_quantised) store_codes<Team::is_vectored>(codes + column, quantiser, count, values);
  });
  if (!is_quantised) return;
  for (std::int64_t column = result.columns + Team::thread(); column < result.quantised.stride; column += Team::threads) codes[column] = 0;
  if (Team::thread() == 0) {
    result.quantised.scales[number] = quantiser.scale;
    result.quantised.offsets[number] = quantiser.offset();
  }
}

/// Runs work.run<Team>(row) for every row.
template <class Team, class Work>
__global__ void __launch_bounds__(Team::threads* Team::rows_in_block) row_kernel(const __grid_constant__ Work work, std::int64_t rows) {
  const std::int64_t row = Team::row();
  if (row < rows) work.template run<Team>(row);
}

}  // namespace accelerate::cuda

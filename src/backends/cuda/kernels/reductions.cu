// reduce: along the last axis by a team a row, along another by a thread an element.
#include <algorithm>

#include "backends/cuda/kernels/elements.cuh"
#include "backends/cuda/kernels/functions.cuh"

namespace accelerate::cuda {
namespace {

__device__ float nothing_of(Reduction function) {
  if (function == Reduction::maximum) return -INFINITY;
  if (function == Reduction::minimum) return INFINITY;
  return 0;
}

__device__ float combine(Reduction function, float a, float b) {
  if (function == Reduction::maximum) return larger(a, b);
  if (function == Reduction::minimum) return smaller(a, b);
  return a + b;
}

__device__ float result_of(Reduction function, float combined, std::int64_t count) {
  return function == Reduction::mean ? combined / static_cast<float>(count) : combined;
}

template <int threads>
__global__ void __launch_bounds__(256) reduce_rows(Reduction function, Input x, Output y, std::int64_t rows, std::int64_t count) {
  constexpr int rows_in_block = 256 / threads;
  const int thread = static_cast<int>(threadIdx.x) % threads;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * rows_in_block + threadIdx.x / threads;
  if (row >= rows) return;  // a whole warp, or nobody
  float value = nothing_of(function);
  for (std::int64_t i = thread; i < count; i += threads) value = combine(function, value, Floats::load(x.data, x.element, row * count + i));
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) value = combine(function, value, __shfl_xor_sync(0xffffffffU, value, distance));
  if constexpr (threads > 32) {
    __shared__ float partial[threads / 32];
    if (thread % 32 == 0) partial[thread / 32] = value;
    __syncthreads();
    value = partial[0];
    for (int warp = 1; warp < threads / 32; ++warp) value = combine(function, value, partial[warp]);
  }
  if (thread == 0) Floats::store(y.data, y.element, row, result_of(function, value, count));
}

__global__ void __launch_bounds__(256)
    reduce_columns(Reduction function, Input x, Output y, std::int64_t results, std::int64_t count, std::int64_t inner) {
  const std::int64_t step = std::int64_t{gridDim.x} * 256;
  for (std::int64_t result = std::int64_t{blockIdx.x} * 256 + threadIdx.x; result < results; result += step) {
    const std::int64_t outer = result / inner;
    const std::int64_t first = outer * count * inner + (result - outer * inner);
    float value = nothing_of(function);
#pragma unroll 4
    for (std::int64_t i = 0; i < count; ++i) value = combine(function, value, Floats::load(x.data, x.element, first + i * inner));
    Floats::store(y.data, y.element, result, result_of(function, value, count));
  }
}

}  // namespace

Status reduce(const ReduceArguments& arguments) {
  const std::int64_t results = arguments.outer * arguments.inner;
  if (results <= 0) return cudaSuccess;
  if (arguments.inner > 1) {
    const auto blocks = static_cast<unsigned>(std::min<std::int64_t>((results + 255) / 256, 1 << 22));
    reduce_columns<<<blocks, 256, 0, arguments.stream>>>(arguments.function, arguments.x, arguments.y, results, arguments.count,
                                                         arguments.inner);
    return cudaGetLastError();
  }
  const bool is_long = arguments.count > 1024;
  const std::int64_t blocks = is_long ? results : (results + 7) / 8;
  if (blocks > 0x7fffffff) return cudaErrorInvalidConfiguration;
  const auto kernel = is_long ? reduce_rows<256> : reduce_rows<32>;
  kernel<<<static_cast<unsigned>(blocks), 256, 0, arguments.stream>>>(arguments.function, arguments.x, arguments.y, results,
                                                                      arguments.count);
  return cudaGetLastError();
}

}  // namespace accelerate::cuda

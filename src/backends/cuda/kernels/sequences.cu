// sequence_pool, sequence_cumsum.
#include "backends/cuda/kernels/elements.cuh"
#include "backends/cuda/kernels/functions.cuh"

namespace accelerate::cuda {
namespace {

constexpr int pool_columns = 32;
constexpr int pool_rows = 8;

/// A block takes 32 columns of a sequence, eight of its rows at a time.
__global__ void __launch_bounds__(pool_columns* pool_rows) pool(const __grid_constant__ SequencePoolArguments arguments) {
  __shared__ float partial[pool_rows][pool_columns];
  const std::int64_t sequence = blockIdx.x;
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.y) * pool_columns + threadIdx.x;
  const std::int64_t begin = arguments.begins[sequence];
  const std::int64_t end = arguments.begins[sequence + 1];
  const std::int64_t stride = arguments.x.stride;
  const bool is_sum = arguments.function == Pooling::mean || arguments.function == Pooling::sum;
  const bool exists = column < arguments.columns;
  const auto at = [&](std::int64_t token) { return Floats::load(arguments.x.data, arguments.x.element, token * stride + column); };

  if (begin == end && !is_sum && threadIdx.x == 0 && threadIdx.y == 0)
    tell(arguments.fault, {FaultKind::empty_sequence, arguments.node, 0, sequence, 0});
  float value = 0;
  if (begin < end && exists) {
    if (arguments.function == Pooling::first) {
      value = at(begin);
    } else if (arguments.function == Pooling::last) {
      value = at(end - 1);
    } else if (is_sum) {
#pragma unroll 4
      for (std::int64_t token = begin + threadIdx.y; token < end; token += pool_rows) value += at(token);
    } else {
      value = at(begin);
#pragma unroll 4
      for (std::int64_t token = begin + threadIdx.y; token < end; token += pool_rows) value = larger(value, at(token));
    }
  }
  partial[threadIdx.y][threadIdx.x] = value;
  __syncthreads();
  if (threadIdx.y != 0 || !exists) return;
  if (is_sum)
    for (int row = 1; row < pool_rows; ++row) value += partial[row][threadIdx.x];
  if (arguments.function == Pooling::maximum)
    for (int row = 1; row < pool_rows; ++row) value = larger(value, partial[row][threadIdx.x]);
  if (arguments.function == Pooling::mean && begin < end) value /= static_cast<float>(end - begin);
  Floats::store(arguments.y.data, arguments.y.element, sequence * arguments.y.stride + column, value);
}

/// A warp takes a sequence, 32 tokens at a time.
__global__ void __launch_bounds__(128) cumsum(const std::int64_t* x, const std::int64_t* begins, std::int64_t* y, std::int64_t sequences) {
  const std::int64_t sequence = static_cast<std::int64_t>(blockIdx.x) * 4 + threadIdx.x / 32;
  if (sequence >= sequences) return;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t end = begins[sequence + 1];
  // Without sign, where sums wrap around.
  unsigned long long before = 0;
  for (std::int64_t first = begins[sequence]; first < end; first += 32) {
    const std::int64_t token = first + lane;
    unsigned long long sum = token < end ? static_cast<unsigned long long>(x[token]) : 0ULL;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
      const unsigned long long other = __shfl_up_sync(0xffffffffU, sum, static_cast<unsigned>(distance));
      if (lane >= distance) sum += other;
    }
    if (token < end) y[token] = static_cast<std::int64_t>(before + sum);
    before += __shfl_sync(0xffffffffU, sum, 31);
  }
}

}  // namespace

Status sequence_pool(const SequencePoolArguments& arguments) {
  if (arguments.sequences <= 0 || arguments.columns <= 0) return cudaSuccess;
  SequencePoolArguments complete = arguments;
  if (complete.x.stride == 0) complete.x.stride = arguments.columns;
  if (complete.y.stride == 0) complete.y.stride = arguments.columns;
  const std::int64_t pieces = (arguments.columns + pool_columns - 1) / pool_columns;
  if (arguments.sequences > 0x7fffffff || pieces > 65535) return cudaErrorInvalidConfiguration;
  const dim3 blocks(static_cast<unsigned>(arguments.sequences), static_cast<unsigned>(pieces));
  pool<<<blocks, dim3(pool_columns, pool_rows), 0, arguments.stream>>>(complete);
  return cudaGetLastError();
}

Status sequence_cumsum(const SequenceCumsumArguments& arguments) {
  if (arguments.sequences <= 0) return cudaSuccess;
  const std::int64_t blocks = (arguments.sequences + 3) / 4;
  if (blocks > 0x7fffffff) return cudaErrorInvalidConfiguration;
  cumsum<<<static_cast<unsigned>(blocks), 128, 0, arguments.stream>>>(arguments.x, arguments.begins, arguments.y, arguments.sequences);
  return cudaGetLastError();
}

}  // namespace accelerate::cuda

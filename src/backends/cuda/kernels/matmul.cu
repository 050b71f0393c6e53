// matmul: blocks of 64 × 64 results, of which each of 256 threads computes 4 × 4.
#include <algorithm>

#include "backends/cuda/kernels/elements.cuh"
#include "backends/cuda/kernels/indexing.cuh"

namespace accelerate::cuda {
namespace {

constexpr int tile = 64;
constexpr int depth = 16;

struct MatmulProblem {
  Input a;
  Input b;
  Output y;
  Walk<2> batches;  ///< places of the matrices of a and b
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t inner;
  std::int64_t a_row_stride;
  std::int64_t a_inner_stride;
  std::int64_t b_inner_stride;
  std::int64_t b_column_stride;
  std::int64_t row_tiles;
  std::int64_t column_tiles;
  std::int64_t tiles;  ///< of all matrices
};

/// The numbers of a tile [depth, 64] of an operand, zeros outside. Threads next to each other read what lies next to each other.
__device__ void fetch(float (&shared)[depth][tile + 4], const Input& input, std::int64_t first, std::int64_t outer_stride,
                      std::int64_t inner_stride, std::int64_t outer_count, std::int64_t inner_count) {
#pragma unroll
  for (int item = static_cast<int>(threadIdx.x); item < depth * tile; item += 256) {
    const int outer = inner_stride == 1 ? item / depth : item % tile;
    const int inner = inner_stride == 1 ? item % depth : item / tile;
    shared[inner][outer] = outer < outer_count && inner < inner_count
                               ? Floats::load(input.data, input.element, first + outer * outer_stride + inner * inner_stride)
                               : 0.0F;
  }
}

__global__ void __launch_bounds__(256) multiply(const __grid_constant__ MatmulProblem problem) {
  __shared__ __align__(16) float left[depth][tile + 4];
  __shared__ __align__(16) float right[depth][tile + 4];
  const int thread_row = static_cast<int>(threadIdx.x) / 16 * 4;
  const int thread_column = static_cast<int>(threadIdx.x) % 16 * 4;
  for (std::int64_t number = blockIdx.x; number < problem.tiles; number += gridDim.x) {
    const std::int64_t matrix_tiles = problem.row_tiles * problem.column_tiles;
    const std::int64_t batch = number / matrix_tiles;
    const std::int64_t row = number % matrix_tiles / problem.column_tiles * tile;
    const std::int64_t column = number % problem.column_tiles * tile;
    std::int64_t places[2];
    problem.batches.places(batch, places);
    float sums[4][4] = {};
    for (std::int64_t inner = 0; inner < problem.inner; inner += depth) {
      __syncthreads();
      fetch(left, problem.a, places[0] + row * problem.a_row_stride + inner * problem.a_inner_stride, problem.a_row_stride,
            problem.a_inner_stride, problem.rows - row, problem.inner - inner);
      fetch(right, problem.b, places[1] + column * problem.b_column_stride + inner * problem.b_inner_stride, problem.b_column_stride,
            problem.b_inner_stride, problem.columns - column, problem.inner - inner);
      __syncthreads();
#pragma unroll
      for (int i = 0; i < depth; ++i) {
        const float4 a = *reinterpret_cast<const float4*>(&left[i][thread_row]);
        const float4 b = *reinterpret_cast<const float4*>(&right[i][thread_column]);
        const float a_values[4] = {a.x, a.y, a.z, a.w};
        const float b_values[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
        for (int y = 0; y < 4; ++y)
#pragma unroll
          for (int x = 0; x < 4; ++x) sums[y][x] = fmaf(a_values[y], b_values[x], sums[y][x]);
      }
    }
#pragma unroll
    for (int y = 0; y < 4; ++y)
#pragma unroll
      for (int x = 0; x < 4; ++x) {
        const std::int64_t result_row = row + thread_row + y;
        const std::int64_t result_column = column + thread_column + x;
        if (result_row < problem.rows && result_column < problem.columns)
          Floats::store(problem.y.data, problem.y.element, (batch * problem.rows + result_row) * problem.columns + result_column,
                        sums[y][x]);
      }
  }
}

/// The size of an axis counted from the last.
std::int64_t size_from_end(const Extents& extents, int axis) { return extents.sizes[static_cast<std::size_t>(extents.rank - axis)]; }

/// The strides of an operand's matrices along the axes of the output's batches.
Extents batch_strides(const Extents& operand, const Extents& output) {
  Extents strides = stretched_strides(operand, output);
  strides.rank = output.rank - 2;
  return strides;
}

}  // namespace

Status matmul(const MatmulArguments& arguments) {
  const Extents& a = arguments.a.extents;
  const Extents& b = arguments.b.extents;
  if (a.rank < 2 || b.rank < 2 || arguments.extents.rank < 2) return cudaErrorInvalidValue;
  Extents outer = arguments.extents;
  outer.rank -= 2;
  const Extents strides[] = {batch_strides(a, arguments.extents), batch_strides(b, arguments.extents)};
  MatmulProblem problem{.a = {arguments.a.data, arguments.a.element},
                        .b = {arguments.b.data, arguments.b.element},
                        .y = arguments.y,
                        .batches = walk_over(outer, strides),
                        .rows = size_from_end(arguments.extents, 2),
                        .columns = size_from_end(arguments.extents, 1),
                        .inner = size_from_end(a, arguments.transpose_a ? 2 : 1),
                        .a_row_stride = arguments.transpose_a ? 1 : size_from_end(a, 1),
                        .a_inner_stride = arguments.transpose_a ? size_from_end(a, 1) : 1,
                        .b_inner_stride = arguments.transpose_b ? 1 : size_from_end(b, 1),
                        .b_column_stride = arguments.transpose_b ? size_from_end(b, 1) : 1,
                        .row_tiles = 0,
                        .column_tiles = 0,
                        .tiles = 0};
  problem.row_tiles = (problem.rows + tile - 1) / tile;
  problem.column_tiles = (problem.columns + tile - 1) / tile;
  problem.tiles = problem.batches.count() * problem.row_tiles * problem.column_tiles;
  if (problem.tiles <= 0) return cudaSuccess;
  multiply<<<static_cast<unsigned>(std::min<std::int64_t>(problem.tiles, 0x7fffffff)), 256, 0, arguments.stream>>>(problem);
  return cudaGetLastError();
}

}  // namespace accelerate::cuda

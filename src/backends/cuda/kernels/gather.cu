#include <algorithm>

#include "backends/cuda/kernels/rows_launch.cuh"

namespace accelerate::cuda {
namespace {

struct GatherProblem {
  Input table;
  const std::int64_t* indices;
  Output y;
  std::int64_t table_rows;
  std::int64_t columns;
  std::int64_t count;
  Fault* fault;
  std::int32_t node;

  /// The row that `position` takes; -1, and a fault, when there is none.
  __device__ std::int64_t row_at(std::int64_t position, bool tells) const {
    const std::int64_t index = indices[position];
    if (index >= 0 && index < table_rows) return index;
    if (tells) tell(fault, {FaultKind::index_outside_table, node, 0, position, index});
    return -1;
  }
};

/// Floats, eight neighbours at a time.
template <bool vectored>
__global__ void __launch_bounds__(256) gather_floats(const __grid_constant__ GatherProblem problem, std::int64_t vectors_in_row) {
  for (std::int64_t position = blockIdx.x; position < problem.count; position += gridDim.x) {
    const std::int64_t row = problem.row_at(position, threadIdx.x == 0);
    for (std::int64_t vector = threadIdx.x; vector < vectors_in_row; vector += blockDim.x) {
      const std::int64_t column = vector * vector_size;
      const int count = problem.columns - column < vector_size ? static_cast<int>(problem.columns - column) : vector_size;
      Vector values = {};
      if (row >= 0) load_vector<vectored>(problem.table.data, problem.table.element, row * problem.table.stride + column, count, values);
      store_vector<vectored>(problem.y.data, problem.y.element, position * problem.y.stride + column, count, values);
    }
  }
}

/// Elements of any other kind, as they are.
template <class T>
__global__ void __launch_bounds__(256) gather_elements(const __grid_constant__ GatherProblem problem) {
  for (std::int64_t position = blockIdx.x; position < problem.count; position += gridDim.x) {
    const std::int64_t row = problem.row_at(position, threadIdx.x == 0);
    const T* from = static_cast<const T*>(problem.table.data) + row * problem.table.stride;
    T* to = static_cast<T*>(problem.y.data) + position * problem.y.stride;
    for (std::int64_t column = threadIdx.x; column < problem.columns; column += blockDim.x) to[column] = row >= 0 ? from[column] : T{};
  }
}

}  // namespace

Status gather(const GatherArguments& arguments) {
  if (arguments.count <= 0 || arguments.columns <= 0) return cudaSuccess;
  GatherProblem problem{with_stride(arguments.table, arguments.columns),
                        arguments.indices,
                        arguments.y,
                        arguments.table_rows,
                        arguments.columns,
                        arguments.count,
                        arguments.fault,
                        arguments.node};
  problem.y.stride = stride_of(problem.y.stride, arguments.columns);
  const auto blocks = static_cast<unsigned>(std::min<std::int64_t>(arguments.count, 1 << 20));
  const std::int64_t vectors = (arguments.columns + vector_size - 1) / vector_size;
  const auto threads_for = [](std::int64_t items) {
    return static_cast<unsigned>(std::clamp<std::int64_t>((items + 31) / 32 * 32, 32, 256));
  };
  if (arguments.table.element == Element::int64) {
    gather_elements<std::int64_t><<<blocks, threads_for(arguments.columns), 0, arguments.stream>>>(problem);
  } else if (arguments.table.element == Element::boolean) {
    gather_elements<std::uint8_t><<<blocks, threads_for(arguments.columns), 0, arguments.stream>>>(problem);
  } else {
    const bool vectored =
        arguments.columns % vector_size == 0 && is_vectored(problem.table) && is_vectored(problem.y.data, problem.y.stride);
    const auto kernel = vectored ? gather_floats<true> : gather_floats<false>;
    kernel<<<blocks, threads_for(vectors), 0, arguments.stream>>>(problem, vectors);
  }
  return cudaGetLastError();
}

}  // namespace accelerate::cuda

#include "backends/cuda/kernels/rows_launch.cuh"

namespace accelerate::cuda {
namespace {

struct SoftmaxWork {
  Input x;
  RowResult result;
  bool logarithm;

  template <bool vectored>
  __device__ void fetch(std::int64_t row, std::int64_t column, int count, Vector& values) const {
    load_vector<vectored>(x.data, x.element, row * x.stride + column, count, values);
  }

  template <class Team>
  __device__ void run(std::int64_t number) const {
    Row<Team, SoftmaxWork> row(*this, number, result.columns);
    const float largest = row.largest();
    const float sum = row.sum([=](float value) { return expf(value - largest); });
    const float shift = logarithm ? logf(sum) : 0.0F;
    const float factor = 1.0F / sum;
    store_row<Team>(row, number, result, [&](std::int64_t, int, Vector& values, bool) {
#pragma unroll
      for (int i = 0; i < vector_size; ++i) values[i] = logarithm ? values[i] - largest - shift : expf(values[i] - largest) * factor;
    });
  }
};

}  // namespace

Status softmax(const SoftmaxArguments& arguments) {
  if (arguments.rows <= 0 || arguments.columns <= 0) return cudaSuccess;
  const SoftmaxWork work{with_stride(arguments.x, arguments.columns), row_result(arguments.y, {}, arguments.columns), arguments.logarithm};
  return launch_rows(work, arguments.rows, arguments.columns, is_vectored(work.result) && is_vectored(work.x), arguments.stream);
}

}  // namespace accelerate::cuda

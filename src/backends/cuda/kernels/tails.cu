// What follows a product: tail, int8_tail; and what goes before an int8 one: quantise_rows.
#include "backends/cuda/kernels/functions.cuh"
#include "backends/cuda/kernels/rows_launch.cuh"

namespace accelerate::cuda {
namespace {

/// The end of both tails: activation and residual.
struct Ending {
  const float* bias;
  bool is_activated;
  UnaryFunction activation;
  Input residual;

  template <bool vectored>
  __device__ void apply(std::int64_t row, std::int64_t column, int count, Vector& values) const {
    Vector others;
    if (bias != nullptr) {
      load_vector<vectored>(bias, Element::float32, column, count, others);
#pragma unroll
      for (int i = 0; i < vector_size; ++i) values[i] += others[i];
    }
    if (is_activated) apply_to_all(activation, values);
    if (residual.data == nullptr) return;
    load_vector<vectored>(residual.data, residual.element, row * residual.stride + column, count, others);
#pragma unroll
    for (int i = 0; i < vector_size; ++i) values[i] += others[i];
  }
};

struct FloatTailRows {
  Input x;
  Ending ending;

  template <bool vectored>
  __device__ void fetch(std::int64_t row, std::int64_t column, int count, Vector& values) const {
    load_vector<vectored>(x.data, x.element, row * x.stride + column, count, values);
    ending.apply<vectored>(row, column, count, values);
  }
};

struct Int8TailRows {
  const std::int32_t* sums;
  std::int64_t sums_stride;
  const float* row_scales;
  const std::int32_t* row_offsets;
  const float* weight_scales;
  const std::int32_t* weight_sums;
  Ending ending;

  template <bool vectored>
  static __device__ void load_whole_numbers(const std::int32_t* numbers, int count, std::int32_t (&values)[vector_size]) {
    if (vectored && count > 0) {
      const int4 first = *reinterpret_cast<const int4*>(numbers);
      const int4 second = *reinterpret_cast<const int4*>(numbers + 4);
      const std::int32_t all[vector_size] = {first.x, first.y, first.z, first.w, second.x, second.y, second.z, second.w};
#pragma unroll
      for (int i = 0; i < vector_size; ++i) values[i] = all[i];
      return;
    }
#pragma unroll
    for (int i = 0; i < vector_size; ++i) values[i] = !vectored && i < count ? numbers[i] : 0;
  }

  template <bool vectored>
  __device__ void fetch(std::int64_t row, std::int64_t column, int count, Vector& values) const {
    std::int32_t codes[vector_size];
    std::int32_t weights[vector_size];
    Vector scales;
    load_whole_numbers<vectored>(sums + row * sums_stride + column, count, codes);
    load_whole_numbers<vectored>(weight_sums + column, count, weights);
    load_vector<vectored>(weight_scales, Element::float32, column, count, scales);
    const float row_scale = row_scales[row];
    const std::int32_t offset = row_offsets[row];
#pragma unroll
    for (int i = 0; i < vector_size; ++i) values[i] = int8_product(codes[i], offset, weights[i], row_scale, scales[i]);
    ending.apply<vectored>(row, column, count, values);
  }
};

struct PlainRows {
  Input x;

  template <bool vectored>
  __device__ void fetch(std::int64_t row, std::int64_t column, int count, Vector& values) const {
    load_vector<vectored>(x.data, x.element, row * x.stride + column, count, values);
  }
};

/// Rows of a Source as results and codes.
template <class Source>
struct StoreWork {
  Source source;
  RowResult result;

  template <class Team>
  __device__ void run(std::int64_t number) const {
    Row<Team, Source> row(source, number, result.columns);
    store_row<Team>(row, number, result, [](std::int64_t, int, Vector&, bool) {});
  }
};

/// Eight neighbours a thread, of any rows: where no row needs to be known as a whole.
template <bool vectored, class Source>
__global__ void __launch_bounds__(256) store_vectors(const __grid_constant__ Source source, Output y, std::uint32_t vectors_in_row,
                                                     std::uint32_t vectors, std::int64_t columns) {
  const std::uint32_t vector = blockIdx.x * 256U + threadIdx.x;
  if (vector >= vectors) return;
  const std::int64_t row = vector / vectors_in_row;
  const std::int64_t column = static_cast<std::int64_t>(vector % vectors_in_row) * vector_size;
  const int count = columns - column < vector_size ? static_cast<int>(columns - column) : vector_size;
  Vector values;
  source.template fetch<vectored>(row, column, count, values);
  store_vector<vectored>(y.data, y.element, row * y.stride + column, count, values);
}

template <class Source>
Status launch(const StoreWork<Source>& work, std::int64_t rows, bool source_is_vectored, Stream stream) {
  const std::int64_t columns = work.result.columns;
  const bool vectored = source_is_vectored && is_vectored(work.result);
  if (work.result.quantised.codes != nullptr) return launch_wide_rows(work, rows, columns, vectored, stream);
  if (work.result.y.data == nullptr) return cudaSuccess;
  const std::int64_t vectors_in_row = (columns + vector_size - 1) / vector_size;
  const std::int64_t vectors = vectors_in_row * rows;
  if (vectors > 0x7fffffff) return cudaErrorInvalidConfiguration;
  const auto blocks = static_cast<unsigned>((vectors + 255) / 256);
  const auto kernel = vectored ? store_vectors<true, Source> : store_vectors<false, Source>;
  kernel<<<blocks, 256, 0, stream>>>(work.source, work.result.y, static_cast<std::uint32_t>(vectors_in_row),
                                     static_cast<std::uint32_t>(vectors), columns);
  return cudaGetLastError();
}

Ending ending_of(const float* bias, std::optional<UnaryFunction> activation, const Input& residual, std::int64_t columns) {
  return {bias, activation.has_value(), activation.value_or(UnaryFunction::negate), with_stride(residual, columns)};
}

bool is_vectored(const Ending& ending) { return cuda::is_vectored(ending.bias, 0) && cuda::is_vectored(ending.residual); }

}  // namespace

Status tail(const TailArguments& arguments) {
  const std::int64_t columns = arguments.columns;
  if (arguments.rows <= 0 || columns <= 0) return cudaSuccess;
  const FloatTailRows source{with_stride(arguments.x, columns),
                             ending_of(arguments.bias, arguments.activation, arguments.residual, columns)};
  return launch(StoreWork<FloatTailRows>{source, row_result(arguments.y, arguments.quantised, columns)}, arguments.rows,
                cuda::is_vectored(source.x) && is_vectored(source.ending), arguments.stream);
}

Status int8_tail(const Int8TailArguments& arguments) {
  const std::int64_t columns = arguments.columns;
  if (arguments.rows <= 0 || columns <= 0) return cudaSuccess;
  const Int8TailRows source{.sums = arguments.sums,
                            .sums_stride = stride_of(arguments.sums_stride, columns),
                            .row_scales = arguments.row_scales,
                            .row_offsets = arguments.row_offsets,
                            .weight_scales = arguments.weight_scales,
                            .weight_sums = arguments.weight_sums,
                            .ending = ending_of(arguments.bias, arguments.activation, arguments.residual, columns)};
  const bool vectored = cuda::is_vectored(source.sums, source.sums_stride) && cuda::is_vectored(source.weight_scales, 0) &&
                        cuda::is_vectored(source.weight_sums, 0) && is_vectored(source.ending);
  return launch(StoreWork<Int8TailRows>{source, row_result(arguments.y, arguments.quantised, columns)}, arguments.rows, vectored,
                arguments.stream);
}

Status quantise_rows(const QuantiseArguments& arguments) {
  if (arguments.rows <= 0 || arguments.columns <= 0) return cudaSuccess;
  const PlainRows source{with_stride(arguments.x, arguments.columns)};
  const StoreWork<PlainRows> work{source, row_result({}, arguments.quantised, arguments.columns)};
  return launch_rows(work, arguments.rows, arguments.columns, cuda::is_vectored(source.x) && cuda::is_vectored(work.result),
                     arguments.stream);
}

}  // namespace accelerate::cuda

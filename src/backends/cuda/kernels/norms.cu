// layer_norm, rms_norm, add_norm, embedding_norm.
#include "backends/cuda/kernels/rows_launch.cuh"

namespace accelerate::cuda {
namespace {

// Sources of rows.

struct PlainRows {
  Input x;

  template <bool vectored>
  __device__ void fetch(std::int64_t row, std::int64_t column, int count, Vector& values) const {
    load_vector<vectored>(x.data, x.element, row * x.stride + column, count, values);
  }
  __device__ void keep(std::int64_t, std::int64_t, int, const Vector&) const {}
};

struct SummedRows {
  Input x;
  Input residual;
  Output sum;
  bool vectored_sum;

  template <bool vectored>
  __device__ void fetch(std::int64_t row, std::int64_t column, int count, Vector& values) const {
    Vector others;
    load_vector<vectored>(x.data, x.element, row * x.stride + column, count, values);
    load_vector<vectored>(residual.data, residual.element, row * residual.stride + column, count, others);
#pragma unroll
    for (int i = 0; i < vector_size; ++i) values[i] += others[i];
  }
  __device__ void keep(std::int64_t row, std::int64_t column, int count, const Vector& values) const {
    if (sum.data == nullptr) return;
    const std::int64_t place = row * sum.stride + column;
    if (vectored_sum)
      store_vector<true>(sum.data, sum.element, place, count, values);
    else
      store_vector<false>(sum.data, sum.element, place, count, values);
  }
};

struct EmbeddedRows {
  EmbeddingTable tables[most_tables];
  int table_count;
  Fault* fault;
  std::int32_t node;

  template <bool vectored>
  __device__ void fetch(std::int64_t row, std::int64_t column, int count, Vector& values) const {
#pragma unroll
    for (int i = 0; i < vector_size; ++i) values[i] = 0;
    for (int table = 0; table < table_count; ++table) {
      const EmbeddingTable& from = tables[table];
      const std::int64_t index = from.indices[row];
      if (index < 0 || index >= from.rows) {
        if (column == 0) tell(fault, {FaultKind::index_outside_table, node, table, row, index});
        continue;
      }
      Vector others;
      load_vector<vectored>(from.table.data, from.table.element, index * from.table.stride + column, count, others);
#pragma unroll
      for (int i = 0; i < vector_size; ++i) values[i] += others[i];
    }
  }
  __device__ void keep(std::int64_t, std::int64_t, int, const Vector&) const {}
};

/// (x - mean) · factor · scale + bias of rows of a Source, where is_centred; else without mean and variance about it.
template <class Source, bool is_centred>
struct NormWork {
  Source source;
  const float* scale;
  const float* bias;
  RowResult result;
  float epsilon;

  template <class Team>
  __device__ void run(std::int64_t number) const {
    const std::int64_t columns = result.columns;
    const auto size = static_cast<float>(columns);
    Row<Team, Source> row(source, number, columns);
    const float mean = is_centred ? row.sum([](float x) { return x; }) / size : 0.0F;
    const float variance = row.sum([=](float x) { return (x - mean) * (x - mean); }) / size;
    const float factor = 1.0F / sqrtf(variance + epsilon);
    store_row<Team>(row, number, result, [&](std::int64_t column, int count, Vector& values, bool is_last) {
      if (is_last) source.keep(number, column, count, values);
      Vector weights;
      if (scale != nullptr) load_vector<Team::is_vectored>(scale, Element::float32, column, count, weights);
#pragma unroll
      for (int i = 0; i < vector_size; ++i) values[i] = (values[i] - mean) * factor * (scale != nullptr ? weights[i] : 1.0F);
      if (bias == nullptr) return;
      load_vector<Team::is_vectored>(bias, Element::float32, column, count, weights);
#pragma unroll
      for (int i = 0; i < vector_size; ++i) values[i] += weights[i];
    });
  }
};

template <class Source, bool is_centred>
Status launch(const NormWork<Source, is_centred>& work, std::int64_t rows, bool sources_are_vectored, Stream stream) {
  const bool vectored = sources_are_vectored && is_vectored(work.result) && is_vectored(work.scale, 0) && is_vectored(work.bias, 0);
  return launch_rows(work, rows, work.result.columns, vectored, stream);
}

template <bool is_centred>
Status norm(const LayerNormArguments& arguments) {
  if (arguments.rows <= 0 || arguments.columns <= 0) return cudaSuccess;
  const PlainRows source{with_stride(arguments.x, arguments.columns)};
  return launch(NormWork<PlainRows, is_centred>{source, arguments.scale, is_centred ? arguments.bias : nullptr,
                                                row_result(arguments.y, arguments.quantised, arguments.columns), arguments.epsilon},
                arguments.rows, is_vectored(source.x), arguments.stream);
}

}  // namespace

Status layer_norm(const LayerNormArguments& arguments) { return norm<true>(arguments); }

Status rms_norm(const LayerNormArguments& arguments) { return norm<false>(arguments); }

Status add_norm(const AddNormArguments& arguments) {
  if (arguments.rows <= 0 || arguments.columns <= 0) return cudaSuccess;
  SummedRows source{with_stride(arguments.x, arguments.columns), with_stride(arguments.residual, arguments.columns), arguments.sum, false};
  source.sum.stride = stride_of(source.sum.stride, arguments.columns);
  source.vectored_sum = arguments.columns % vector_size == 0 && is_vectored(source.sum.data, source.sum.stride);
  return launch(NormWork<SummedRows, true>{source, arguments.scale, arguments.bias,
                                           row_result(arguments.y, arguments.quantised, arguments.columns), arguments.epsilon},
                arguments.rows, is_vectored(source.x) && is_vectored(source.residual), arguments.stream);
}

Status embedding_norm(const EmbeddingNormArguments& arguments) {
  if (arguments.tokens <= 0 || arguments.columns <= 0) return cudaSuccess;
  if (arguments.table_count < 0 || arguments.table_count > most_tables) return cudaErrorInvalidValue;
  EmbeddedRows source{.tables = {}, .table_count = arguments.table_count, .fault = arguments.fault, .node = arguments.node};
  bool vectored = true;
  for (int table = 0; table < arguments.table_count; ++table) {
    source.tables[table] = arguments.tables[static_cast<std::size_t>(table)];
    source.tables[table].table = with_stride(source.tables[table].table, arguments.columns);
    vectored = vectored && is_vectored(source.tables[table].table);
  }
  return launch(NormWork<EmbeddedRows, true>{source, arguments.scale, arguments.bias,
                                             row_result(arguments.y, arguments.quantised, arguments.columns), arguments.epsilon},
                arguments.tokens, vectored, arguments.stream);
}

}  // namespace accelerate::cuda

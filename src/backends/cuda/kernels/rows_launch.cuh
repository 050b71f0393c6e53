// Which team takes the rows of a matrix.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "backends/cuda/kernels/rows.cuh"

namespace accelerate::cuda {

inline std::int64_t stride_of(std::int64_t stride, std::int64_t columns) { return stride == 0 ? columns : stride; }

inline Input with_stride(Input input, std::int64_t columns) {
  input.stride = stride_of(input.stride, columns);
  return input;
}

inline RowResult row_result(Output y, QuantisedRows quantised, std::int64_t columns) {
  y.stride = stride_of(y.stride, columns);
  quantised.stride = stride_of(quantised.stride, columns);
  return {y, quantised, columns};
}

/// Whether eight neighbours of each row can be reached at once; an absent array can.
inline bool is_vectored(const void* data, std::int64_t stride) {
  return data == nullptr || (reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && stride % vector_size == 0);
}
inline bool is_vectored(const Input& input) { return is_vectored(input.data, input.stride); }
inline bool is_vectored(const RowResult& result) {
  return result.columns % vector_size == 0 && is_vectored(result.y.data, result.y.stride) &&
         is_vectored(result.quantised.codes, result.quantised.stride);
}

template <class Team, class Work>
cudaError_t launch_team(const Work& work, std::int64_t rows, cudaStream_t stream) {
  const std::int64_t blocks = (rows + Team::rows_in_block - 1) / Team::rows_in_block;
  if (blocks > 0x7fffffff) return cudaErrorInvalidConfiguration;
  row_kernel<Team><<<static_cast<unsigned>(blocks), Team::threads * Team::rows_in_block, 0, stream>>>(work, rows);
  return cudaGetLastError();
}

/// Rows of `columns` that take little arithmetic: a warp each as long as that keeps its loads few.
template <class Work>
cudaError_t launch_rows(const Work& work, std::int64_t rows, std::int64_t columns, bool vectored, cudaStream_t stream) {
  if (!vectored && columns <= 256) return launch_team<Team<32, 1, false>>(work, rows, stream);
  if (!vectored) return launch_team<Team<256, 0, false>>(work, rows, stream);
  if (columns <= 256) return launch_team<Team<32, 1, true>>(work, rows, stream);
  if (columns <= 512) return launch_team<Team<32, 2, true>>(work, rows, stream);
  if (columns <= 768) return launch_team<Team<32, 3, true>>(work, rows, stream);
  if (columns <= 1024) return launch_team<Team<32, 4, true>>(work, rows, stream);
  if (columns <= 2048) return launch_team<Team<128, 2, true>>(work, rows, stream);
  if (columns <= 4096) return launch_team<Team<128, 4, true>>(work, rows, stream);
  if (columns <= 8192) return launch_team<Team<256, 4, true>>(work, rows, stream);
  return launch_team<Team<512, 0, true>>(work, rows, stream);
}

/// Rows that take more code than is good to have several times over: eight columns a thread.
template <class Work>
cudaError_t launch_wide_rows(const Work& work, std::int64_t rows, std::int64_t columns, bool vectored, cudaStream_t stream) {
  if (!vectored && columns <= 256) return launch_team<Team<32, 1, false>>(work, rows, stream);
  if (!vectored) return launch_team<Team<256, 0, false>>(work, rows, stream);
  if (columns <= 256) return launch_team<Team<32, 1, true>>(work, rows, stream);
  if (columns <= 1024) return launch_team<Team<128, 1, true>>(work, rows, stream);
  if (columns <= 2048) return launch_team<Team<256, 1, true>>(work, rows, stream);
  if (columns <= 4096) return launch_team<Team<512, 1, true>>(work, rows, stream);
  if (columns <= 8192) return launch_team<Team<1024, 1, true>>(work, rows, stream);
  return launch_team<Team<512, 0, true>>(work, rows, stream);
}

}  // namespace accelerate::cuda

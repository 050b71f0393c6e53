// Which row of a ragged batch belongs where.
#pragma once

#include <cstdint>

#include "backends/cuda/kernels/kernels.h"

namespace accelerate::cuda {

/// The sequence of `begins` [sequences + 1] that row `token` is one of.
__host__ __device__ inline std::int64_t sequence_of(const std::int64_t* begins, std::int64_t sequences, std::int64_t token) {
  std::int64_t low = 0;
  std::int64_t end = sequences;
  while (end - low > 1) {
    const std::int64_t middle = low + (end - low) / 2;
    if (begins[middle] <= token)
      low = middle;
    else
      end = middle;
  }
  return low;
}

/// The row that a shift by `offset` puts in place of row `token`; -1 where that is outside the own sequence.
__host__ __device__ inline std::int64_t shifted_row(const std::int64_t* begins, std::int64_t sequences, std::int64_t token,
                                                    std::int64_t offset) {
  const std::int64_t sequence = sequence_of(begins, sequences, token);
  const std::int64_t row = token + offset;
  return row >= begins[sequence] && row < begins[sequence + 1] ? row : -1;
}

/// A row of a sequence's pages.
struct PagePlace {
  std::int64_t page;  ///< in PageTable::pages
  std::int64_t row;   ///< in that page
};

__host__ __device__ inline PagePlace page_place(const PageTable& pages, std::int64_t sequence, std::int64_t row) {
  return {pages.begins[sequence] + row / page_rows, row % page_rows};
}

/// Where the new row `token` goes: behind the rows that its sequence had.
__host__ __device__ inline PagePlace appended_place(const AppendArguments& arguments, std::int64_t token) {
  const std::int64_t sequence = sequence_of(arguments.begins, arguments.sequences, token);
  const std::int64_t from_end = arguments.begins[sequence + 1] - token;
  const std::int64_t rows = arguments.context[sequence + 1] - arguments.context[sequence];
  return page_place(arguments.pages, sequence, rows - from_end);
}

}  // namespace accelerate::cuda

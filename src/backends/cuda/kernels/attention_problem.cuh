// What both attention kernels share: the problem, which keys a query sees, and which queries a block takes.
#pragma once

#include <cstdint>

#include "backends/cuda/kernels/kernels.h"

namespace accelerate::cuda {

/// AttentionArguments as a kernel reads them; windows are limits of distance that are always there.
struct AttentionProblem {
  const void* query;
  const void* key;
  const void* value;
  void* y;
  Element element;
  Element y_element;
  std::int64_t query_stride;
  std::int64_t key_stride;
  std::int64_t value_stride;
  std::int64_t y_stride;
  int heads;
  int key_heads;
  int size;
  int value_size;
  const std::int64_t* query_begins;
  const std::int64_t* key_begins;
  std::int64_t sequences;
  float scale;
  float softcap;
  int behind;
  int ahead;
  const std::uint8_t* global_keys;
  const float* slopes;
  const float* head_bias;
  const float* query_bias;
  const float* key_bias;
  const std::int64_t* distance_columns;
  std::int64_t bias_columns;
  int distance_radius;
  PageTable pages;
  std::int64_t key_offset;
  std::int64_t value_offset;

  __host__ __device__ bool has_bias() const { return head_bias != nullptr || query_bias != nullptr || key_bias != nullptr; }
  /// Whether weights follow from products, the scale and windows alone.
  __host__ __device__ bool is_plain() const { return !has_bias() && softcap == 0 && global_keys == nullptr && slopes == nullptr; }
};

/// A distance that no two tokens of a sequence have.
inline constexpr int unlimited_distance = 1 << 30;

/// The query at place p sees the keys [p - behind, p + ahead] of its sequence. Places count among the keys and may lie before
/// the first.
struct Visibility {
  int key_count;
  int behind;
  int ahead;

  __host__ __device__ int first_key(int place) const { return place > behind ? place - behind : 0; }
  __host__ __device__ int end_key(int place) const {
    const int end = place + ahead + 1;
    return end < 0 ? 0 : (end < key_count ? end : key_count);
  }

  /// Whether one of the queries at places [first, last] does not see one of `count` keys.
  __host__ __device__ bool hides_some(int first_place, int last_place, int key, int count) const {
    return key + count > key_count || key + count - 1 - first_place > ahead || last_place - key > behind;
  }
};

/// The queries [first_query, first_query + rows) of a sequence, which one block takes.
struct QueryBlock {
  std::int64_t query_begin;  ///< the sequence's first row of query
  std::int64_t key_begin;    ///< the sequence's first row of key and value
  std::byte* const* pages;   ///< the sequence's, where its keys and values lie in pages
  int first_query;
  int rows;  ///< none when the block has nothing to do
  int first_place;
  Visibility visibility;

  /// One past the last key that any of the rows sees.
  __host__ __device__ int end_key() const { return visibility.end_key(first_place + rows - 1); }
};

/// Rows of keys or values as a tile of keys reads them: its first one is `row` of `data`, and those behind it follow.
struct TileRows {
  const void* data;
  std::int64_t row;
};

/// A tile of a block's keys lies in one page, where there are pages: it begins at a multiple of its size, which divides theirs.
__host__ __device__ inline TileRows tile_rows(const QueryBlock& block, const void* rows, std::int64_t offset, int first_key) {
  if (block.pages == nullptr) return {rows, block.key_begin + first_key};
  return {block.pages[first_key / page_rows] + offset, first_key % page_rows};
}

// Blocks are numbered such that a sequence's first number follows from its begin alone: every sequence has a number for
// each `height` tokens and one more, which is never too few. Numbers that are left over have nothing to do.

__host__ __device__ inline std::int64_t first_block_of(std::int64_t begin, std::int64_t sequence, int height) {
  return begin / height + sequence;
}

/// The sequence that block `number` belongs to. `count(predicate)` is the number of `threads` threads for whose index the
/// predicate holds; all threads call this together.
template <class Count>
__host__ __device__ std::int64_t sequence_of_block(std::int64_t number, const AttentionProblem& problem, int height, int threads,
                                                   Count count) {
  std::int64_t low = 0;
  std::int64_t end = problem.sequences;
  while (end - low > 1) {
    const std::int64_t step = (end - low + threads - 1) / threads;
    const std::int64_t reached = count([=, &problem](int thread) {
      const std::int64_t sequence = low + thread * step;
      return sequence < end && first_block_of(problem.query_begins[sequence], sequence, height) <= number;
    });
    low += (reached - 1) * step;
    if (low + step < end) end = low + step;
  }
  return low;
}

/// What block `number` does when a block takes `height` queries.
template <class Count>
__host__ __device__ QueryBlock query_block(std::int64_t number, const AttentionProblem& problem, int height, int threads, Count count) {
  const std::int64_t sequence = sequence_of_block(number, problem, height, threads, count);
  QueryBlock block;
  block.query_begin = problem.query_begins[sequence];
  block.key_begin = problem.key_begins[sequence];
  block.pages = problem.pages.pages == nullptr ? nullptr : problem.pages.pages + problem.pages.begins[sequence];
  const int queries = static_cast<int>(problem.query_begins[sequence + 1] - block.query_begin);
  const int keys = static_cast<int>(problem.key_begins[sequence + 1] - block.key_begin);
  const std::int64_t first_query = (number - first_block_of(block.query_begin, sequence, height)) * height;
  const bool is_empty = first_query >= queries;
  block.first_query = is_empty ? 0 : static_cast<int>(first_query);
  block.rows = is_empty ? 0 : (queries - block.first_query < height ? queries - block.first_query : height);
  block.first_place = block.first_query + keys - queries;
  // A global key may be anywhere.
  const bool everywhere = problem.global_keys != nullptr;
  block.visibility = {keys, everywhere ? unlimited_distance : problem.behind, everywhere ? unlimited_distance : problem.ahead};
  return block;
}

/// The first tile of `tile_keys` keys from `tile` on that a query of the block may see: those between its windows and global keys
/// are left out. `count` as in sequence_of_block.
template <class Count>
__host__ __device__ int next_tile(int tile, int tile_keys, const AttentionProblem& problem, const QueryBlock& block, Count count) {
  if (problem.global_keys == nullptr) return tile;
  const Visibility window{block.visibility.key_count, problem.behind, problem.ahead};
  const int first_key = window.first_key(block.first_place);
  const int end_key = window.end_key(block.first_place + block.rows - 1);
  const std::uint8_t* const global = problem.global_keys + block.key_begin;
  for (; tile < block.end_key(); tile += tile_keys) {
    if (tile < end_key && tile + tile_keys > first_key) return tile;
    const auto is_global = [=, &block](int thread) {
      return thread < tile_keys && tile + thread < block.visibility.key_count && global[tile + thread] != 0;
    };
    if (count(is_global) > 0) return tile;
  }
  return tile;
}

}  // namespace accelerate::cuda

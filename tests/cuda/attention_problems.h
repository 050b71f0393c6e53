// Attention problems of random numbers, and their solution by plain loops.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "backends/cuda/kernels/kernels.h"

namespace accelerate::cuda {

/// Sequences as pairs of how many queries and how many keys.
struct AttentionShape {
  std::string name;
  std::vector<std::pair<std::int64_t, std::int64_t>> sequences;
  std::int64_t heads = 1;
  std::int64_t key_heads = 1;
  std::int64_t size = 64;
  std::int64_t value_size = 64;
  float scale = 0.125F;
  bool causal = false;
  std::int64_t window_left = -1;
  std::int64_t window_right = -1;
  bool head_bias = false;
  bool query_bias = false;
  bool key_bias = false;
  std::int64_t radius = 0;
  float softcap = 0;
  bool slopes = false;
  std::int64_t global_every = 0;  ///< every so many keys one is seen whatever the window; 0: none is
};

/// Shapes with each option, with sizes around those of tiles, and with sequences of none and of one token.
std::vector<AttentionShape> attention_shapes();

/// Everything in float32; query, key and value lie in one row of `stride` numbers a token when `fused`.
struct AttentionNumbers {
  std::vector<float> query;
  std::vector<float> key;
  std::vector<float> value;
  std::vector<float> head_bias;
  std::vector<float> query_bias;
  std::vector<float> key_bias;
  std::vector<float> slopes;
  std::vector<std::uint8_t> global_keys;
  std::vector<std::int64_t> distance_columns;
  std::int64_t columns = 0;
  std::vector<std::int64_t> query_begins;
  std::vector<std::int64_t> key_begins;
};

/// Numbers about normally distributed, each replaced by round(number).
AttentionNumbers attention_numbers(const AttentionShape& shape, float (*round)(float));

/// The shapes whose keys may lie in pages: what is remembered has no biases of its own.
std::vector<AttentionShape> remembered_attention_shapes();

/// Keys and values in pages, as `append` puts them there: a page holds keys, then values. Rows that do not exist are noise, and
/// pages that no query's window reaches are missing.
template <class T>
struct KeysInPages {
  std::vector<std::vector<T>> pages;  ///< empty: it is missing
  std::vector<std::int64_t> begins;   ///< PageTable's
  std::int64_t value_offset = 0;      ///< bytes

  KeysInPages(const AttentionShape& shape, const AttentionNumbers& numbers, const std::vector<T>& key, const std::vector<T>& value,
              T noise) {
    const std::int64_t key_columns = shape.key_heads * shape.size;
    const std::int64_t value_columns = shape.key_heads * shape.value_size;
    value_offset = page_rows * key_columns * static_cast<std::int64_t>(sizeof(T));
    for (std::size_t sequence = 0; sequence < shape.sequences.size(); ++sequence) {
      begins.push_back(static_cast<std::int64_t>(pages.size()));
      const auto [queries, keys] = shape.sequences[sequence];
      const std::int64_t first_seen = shape.window_left < 0 ? 0 : keys - queries - shape.window_left;
      for (std::int64_t first = 0; first < keys; first += page_rows) {
        std::vector<T>& page = pages.emplace_back();
        if (first + page_rows <= first_seen) continue;
        page.resize(static_cast<std::size_t>(page_rows * (key_columns + value_columns)), noise);
        const std::int64_t row = numbers.key_begins[sequence] + first;
        const std::int64_t rows = std::min(page_rows, keys - first);
        std::copy_n(key.begin() + row * key_columns, rows * key_columns, page.begin());
        std::copy_n(value.begin() + row * value_columns, rows * value_columns, page.begin() + page_rows * key_columns);
      }
    }
  }

  /// PageTable's pages, in this memory.
  std::vector<std::byte*> table() {
    std::vector<std::byte*> result;
    for (std::vector<T>& page : pages) result.push_back(page.empty() ? nullptr : reinterpret_cast<std::byte*>(page.data()));
    return result;
  }
};

/// [query tokens, heads, value size], with sums in double.
std::vector<double> attention_by_loops(const AttentionShape& shape, const AttentionNumbers& numbers);

}  // namespace accelerate::cuda

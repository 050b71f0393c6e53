// Attention problems of random numbers, and their solution by plain loops.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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
  std::vector<std::int64_t> distance_columns;
  std::int64_t columns = 0;
  std::vector<std::int64_t> query_begins;
  std::vector<std::int64_t> key_begins;
};

/// Numbers about normally distributed, each replaced by round(number).
AttentionNumbers attention_numbers(const AttentionShape& shape, float (*round)(float));

/// [query tokens, heads, value size], with sums in double.
std::vector<double> attention_by_loops(const AttentionShape& shape, const AttentionNumbers& numbers);

}  // namespace accelerate::cuda

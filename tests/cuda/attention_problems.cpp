#include "cuda/attention_problems.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>

namespace accelerate::cuda {

std::vector<AttentionShape> attention_shapes() {
  using Lengths = std::vector<std::pair<std::int64_t, std::int64_t>>;
  const Lengths ragged{{5, 5}, {70, 70}, {0, 0}, {1, 1}, {130, 130}, {64, 64}};
  const Lengths cross{{3, 90}, {65, 7}, {4, 0}, {0, 9}, {129, 129}};
  Lengths many;
  for (std::int64_t i = 0; i < 300; ++i) many.emplace_back(i % 3, i % 3);
  return {
      {.name = "ragged", .sequences = ragged, .heads = 2, .key_heads = 2},
      {.name = "cross", .sequences = cross, .heads = 2, .key_heads = 2},
      {.name = "causal", .sequences = ragged, .causal = true},
      {.name = "causal_cross", .sequences = cross, .causal = true},
      {.name = "grouped", .sequences = {{20, 20}, {33, 33}}, .heads = 6, .key_heads = 2, .size = 32, .value_size = 32, .scale = 0.2F},
      {.name = "window", .sequences = {{200, 200}, {10, 10}}, .window_left = 20, .window_right = 3},
      {.name = "window_left", .sequences = {{150, 150}}, .causal = true, .window_left = 70},
      {.name = "window_right", .sequences = {{150, 170}}, .window_right = 0},
      {.name = "padded", .sequences = {{40, 40}}, .heads = 3, .key_heads = 3, .size = 40, .value_size = 24, .scale = 0.2F},
      {.name = "least", .sequences = {{17, 17}}, .heads = 2, .key_heads = 1, .size = 8, .value_size = 8, .scale = 0.5F},
      {.name = "width_96", .sequences = {{66, 66}}, .size = 80, .value_size = 96, .causal = true},
      {.name = "width_128", .sequences = {{70, 100}}, .size = 128, .value_size = 128, .scale = 0.1F},
      {.name = "negative_scale", .sequences = {{70, 70}}, .scale = -0.1F},
      {.name = "no_scale", .sequences = {{10, 10}}, .scale = 0},
      {.name = "head_bias", .sequences = {{70, 70}, {3, 9}}, .heads = 2, .key_heads = 2, .head_bias = true, .radius = 30},
      {.name = "all_biases",
       .sequences = {{70, 70}, {9, 3}},
       .heads = 4,
       .key_heads = 2,
       .size = 32,
       .value_size = 32,
       .causal = true,
       .head_bias = true,
       .query_bias = true,
       .key_bias = true,
       .radius = 12},
      {.name = "softcap", .sequences = ragged, .softcap = 0.7F},
      {.name = "softcap_causal_window", .sequences = cross, .causal = true, .window_left = 40, .softcap = 2},
      {.name = "slopes", .sequences = cross, .heads = 4, .key_heads = 2, .causal = true, .slopes = true},
      {.name = "global_keys", .sequences = {{200, 200}, {3, 3}}, .window_left = 4, .window_right = 2, .global_every = 5},
      {.name = "few_global_keys", .sequences = {{400, 400}, {3, 3}}, .window_left = 4, .window_right = 2, .global_every = 150},
      {.name = "global_keys_causal", .sequences = {{70, 150}, {9, 2}}, .causal = true, .window_left = 3, .global_every = 5},
      {.name = "everything",
       .sequences = {{70, 70}, {9, 30}},
       .heads = 4,
       .key_heads = 2,
       .size = 32,
       .value_size = 32,
       .window_left = 8,
       .head_bias = true,
       .query_bias = true,
       .key_bias = true,
       .radius = 12,
       .softcap = 1.5F,
       .slopes = true,
       .global_every = 5},
      {.name = "many_sequences", .sequences = many, .size = 16, .value_size = 16},
      {.name = "no_sequences", .sequences = {}},
  };
}

std::vector<AttentionShape> remembered_attention_shapes() {
  std::vector<AttentionShape> shapes = attention_shapes();
  std::erase_if(shapes, [](const AttentionShape& shape) { return shape.key_bias || shape.global_every != 0; });
  return shapes;
}

AttentionNumbers attention_numbers(const AttentionShape& shape, float (*round)(float)) {
  AttentionNumbers numbers;
  numbers.query_begins = {0};
  numbers.key_begins = {0};
  for (const auto& [queries, keys] : shape.sequences) {
    numbers.query_begins.push_back(numbers.query_begins.back() + queries);
    numbers.key_begins.push_back(numbers.key_begins.back() + keys);
  }
  std::mt19937 random(42);
  std::normal_distribution<float> normal;
  const auto fill = [&](std::vector<float>& target, std::int64_t rows, std::int64_t heads, std::int64_t size) {
    target.resize(static_cast<std::size_t>(rows * heads * size));
    for (float& number : target) number = round(normal(random));
  };
  const std::int64_t query_tokens = numbers.query_begins.back();
  const std::int64_t key_tokens = numbers.key_begins.back();
  fill(numbers.query, query_tokens, shape.heads, shape.size);
  fill(numbers.key, key_tokens, shape.key_heads, shape.size);
  fill(numbers.value, key_tokens, shape.key_heads, shape.value_size);
  numbers.columns = 7;
  if (shape.head_bias) fill(numbers.head_bias, 1, shape.heads, numbers.columns);
  if (shape.query_bias) fill(numbers.query_bias, query_tokens, shape.heads, numbers.columns);
  if (shape.key_bias) fill(numbers.key_bias, key_tokens, shape.heads, numbers.columns);
  for (std::int64_t head = 0; shape.slopes && head < shape.heads; ++head)
    numbers.slopes.push_back(0.5F / static_cast<float>(std::int64_t{1} << head));
  for (std::int64_t key = 0; shape.global_every != 0 && key < key_tokens; ++key)
    numbers.global_keys.push_back(key % shape.global_every == 0 ? 1 : 0);
  for (std::int64_t distance = 0; distance <= 2 * shape.radius; ++distance)
    numbers.distance_columns.push_back(distance * 5 % numbers.columns);
  return numbers;
}

std::vector<double> attention_by_loops(const AttentionShape& shape, const AttentionNumbers& numbers) {
  const auto at = [](const std::vector<float>& array, std::int64_t place) {
    return static_cast<double>(array[static_cast<std::size_t>(place)]);
  };
  std::vector<double> y(static_cast<std::size_t>(numbers.query_begins.back() * shape.heads * shape.value_size), 0);
  for (std::size_t sequence = 0; sequence < shape.sequences.size(); ++sequence) {
    const auto [queries, keys] = shape.sequences[sequence];
    for (std::int64_t query = 0; query < queries; ++query)
      for (std::int64_t head = 0; head < shape.heads; ++head) {
        const std::int64_t query_row = (numbers.query_begins[sequence] + query) * shape.heads + head;
        const std::int64_t key_head = head / (shape.heads / shape.key_heads);
        const auto key_row = [&](std::int64_t key) { return (numbers.key_begins[sequence] + key) * shape.key_heads + key_head; };
        std::vector<double> scores;
        std::vector<std::int64_t> seen;
        for (std::int64_t key = 0; key < keys; ++key) {
          const std::int64_t distance = (key - keys) - (query - queries);
          const bool is_hidden = (shape.causal && distance > 0) || (shape.window_left >= 0 && -distance > shape.window_left) ||
                                 (shape.window_right >= 0 && distance > shape.window_right);
          const bool is_global =
              shape.global_every != 0 && numbers.global_keys[static_cast<std::size_t>(numbers.key_begins[sequence] + key)] != 0;
          if (is_hidden && !is_global) continue;
          double product = 0;
          for (std::int64_t i = 0; i < shape.size; ++i)
            product += at(numbers.query, query_row * shape.size + i) * at(numbers.key, key_row(key) * shape.size + i);
          double score = product * static_cast<double>(shape.scale);
          if (shape.softcap != 0) score = static_cast<double>(shape.softcap) * std::tanh(score / static_cast<double>(shape.softcap));
          if (shape.slopes) score += at(numbers.slopes, head) * static_cast<double>(distance);
          const std::int64_t column =
              numbers.distance_columns[static_cast<std::size_t>(std::clamp(distance, -shape.radius, shape.radius) + shape.radius)];
          if (shape.head_bias) score += at(numbers.head_bias, head * numbers.columns + column);
          if (shape.query_bias) score += at(numbers.query_bias, query_row * numbers.columns + column);
          if (shape.key_bias)
            score += at(numbers.key_bias, ((numbers.key_begins[sequence] + key) * shape.heads + head) * numbers.columns + column);
          scores.push_back(score);
          seen.push_back(key);
        }
        if (seen.empty()) continue;
        const double largest = *std::ranges::max_element(scores);
        double total = 0;
        for (double& score : scores) total += score = std::exp(score - largest);
        for (std::size_t i = 0; i < seen.size(); ++i)
          for (std::int64_t column = 0; column < shape.value_size; ++column)
            y[static_cast<std::size_t>(query_row * shape.value_size + column)] +=
                scores[i] / total * at(numbers.value, key_row(seen[i]) * shape.value_size + column);
      }
  }
  return y;
}

}  // namespace accelerate::cuda

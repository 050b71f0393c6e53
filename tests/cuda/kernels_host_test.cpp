// Device code that needs no device: attention on an emulated warp, and the arithmetic and index logic of the other kernels.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "backends/cuda/kernels/kernels.h"
#include "backends/reference/functions.h"
#include "backends/reference/operand.h"
#include "base/half.h"
#include "cuda/attention_problems.h"
#include "cuda/device_words.h"
#include "cuda/warp_emulated.h"

// Device code; device_words.h must come before it.
#include "backends/cuda/kernels/attention_float.cuh"
#include "backends/cuda/kernels/attention_half.cuh"
#include "backends/cuda/kernels/functions.cuh"
#include "backends/cuda/kernels/indexing.cuh"
#include "backends/cuda/kernels/quantisation.cuh"

namespace accelerate::cuda {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

int limit(std::int64_t window) { return window < 0 ? unlimited_distance : static_cast<int>(window); }

AttentionProblem problem_of(const AttentionShape& shape, const AttentionNumbers& numbers) {
  const auto pointer = [](const std::vector<float>& array) { return array.empty() ? nullptr : array.data(); };
  return {.query = numbers.query.data(),
          .key = numbers.key.data(),
          .value = numbers.value.data(),
          .y = nullptr,
          .element = Element::float32,
          .y_element = Element::float32,
          .query_stride = shape.heads * shape.size,
          .key_stride = shape.key_heads * shape.size,
          .value_stride = shape.key_heads * shape.value_size,
          .y_stride = shape.heads * shape.value_size,
          .heads = static_cast<int>(shape.heads),
          .key_heads = static_cast<int>(shape.key_heads),
          .size = static_cast<int>(shape.size),
          .value_size = static_cast<int>(shape.value_size),
          .query_begins = numbers.query_begins.data(),
          .key_begins = numbers.key_begins.data(),
          .sequences = static_cast<std::int64_t>(shape.sequences.size()),
          .scale = shape.scale,
          .behind = limit(shape.window_left),
          .ahead = shape.causal ? 0 : limit(shape.window_right),
          .head_bias = pointer(numbers.head_bias),
          .query_bias = pointer(numbers.query_bias),
          .key_bias = pointer(numbers.key_bias),
          .distance_columns = numbers.distance_columns.data(),
          .bias_columns = numbers.columns,
          .distance_radius = static_cast<int>(shape.radius)};
}

/// The largest difference to what plain loops compute; infinity where an element was not written.
double error_of(const AttentionShape& shape, const AttentionNumbers& numbers, const std::vector<float>& y) {
  const std::vector<double> expected = attention_by_loops(shape, numbers);
  double error = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double difference = std::abs(static_cast<double>(y[i]) - expected[i]);
    error = std::max(error, std::isnan(difference) ? static_cast<double>(infinity) : difference);
  }
  return error;
}

template <Element element, int Width, int Blocks, bool General>
std::vector<float> half_attention(const AttentionShape& shape, const AttentionNumbers& numbers) {
  const auto halves = [](const std::vector<float>& array) {
    std::vector<std::uint16_t> result;
    for (float number : array) result.push_back(Half<element>::bits(number));
    result.resize(std::max(result.size(), std::size_t{8}));
    return result;
  };
  const auto query = halves(numbers.query);
  const auto key = halves(numbers.key);
  const auto value = halves(numbers.value);
  const std::int64_t tokens = numbers.query_begins.back();
  std::vector<float> y(static_cast<std::size_t>(tokens * shape.heads * shape.value_size), std::numeric_limits<float>::quiet_NaN());
  AttentionProblem problem = problem_of(shape, numbers);
  problem.query = query.data();
  problem.key = key.data();
  problem.value = value.data();
  problem.element = element;
  problem.y = y.data();
  using Attention = HalfAttention<EmulatedWarp<element>, Width, Blocks, General>;
  const std::int64_t numbers_of_blocks = tokens / Attention::block_queries + problem.sequences;
  for (std::int64_t number = 0; number < numbers_of_blocks; ++number)
    for (int head = 0; head < problem.heads; ++head)
      for (int warp = 0; warp < Attention::warps; ++warp) {
        std::vector<std::uint16_t> shared(Attention::shared_bytes / sizeof(std::uint16_t), 0x7fff);
        EmulatedWarp<element> machine(warp);
        Attention(machine, problem, shared.data()).run(number, head);
      }
  return y;
}

/// By the width that the launcher would choose, and by each form that suits the shape.
template <Element element>
void expect_half_attention(double tolerance) {
  for (const AttentionShape& shape : attention_shapes()) {
    const AttentionNumbers numbers = attention_numbers(shape, [](float x) { return Half<element>::value(Half<element>::bits(x)); });
    const auto expect = [&](const char* form, const std::vector<float>& y) {
      EXPECT_LT(error_of(shape, numbers, y), tolerance) << shape.name << ", " << form;
    };
    const std::int64_t size = std::max(shape.size, shape.value_size);
    const bool is_plain = !shape.head_bias && !shape.query_bias && !shape.key_bias && shape.scale > 0;
    if (size <= 32) {
      expect("general 32", half_attention<element, 32, 1, true>(shape, numbers));
      if (is_plain) expect("plain 32", half_attention<element, 32, 1, false>(shape, numbers));
      if (is_plain) expect("plain 32, twice as high", half_attention<element, 32, 2, false>(shape, numbers));
    }
    if (size <= 64) {
      expect("general 64", half_attention<element, 64, 1, true>(shape, numbers));
      if (is_plain) expect("plain 64", half_attention<element, 64, 1, false>(shape, numbers));
      if (is_plain) expect("plain 64, twice as high", half_attention<element, 64, 2, false>(shape, numbers));
    }
    if (size > 64 && size <= 96 && is_plain) expect("plain 96", half_attention<element, 96, 1, false>(shape, numbers));
    if (size > 96 && is_plain) expect("plain 128", half_attention<element, 128, 1, false>(shape, numbers));
  }
}

TEST(HalfAttention, float16_is_what_loops_compute) { expect_half_attention<Element::float16>(3e-3); }

TEST(HalfAttention, bfloat16_is_what_loops_compute) { expect_half_attention<Element::bfloat16>(2e-2); }

TEST(HalfAttention, numbers_that_are_not_finite_stay_in_their_sequence) {
  const AttentionShape shape{.name = "", .sequences = {{20, 20}, {70, 70}, {20, 20}}, .size = 32, .value_size = 32};
  AttentionNumbers numbers = attention_numbers(shape, round_to_float16);
  numbers.key[static_cast<std::size_t>(25 * shape.size)] = std::numeric_limits<float>::quiet_NaN();
  numbers.value[static_cast<std::size_t>(26 * shape.size)] = infinity;
  const std::vector<float> y = half_attention<Element::float16, 32, 1, false>(shape, numbers);
  for (std::size_t token = 0; token < 110; ++token) EXPECT_EQ(std::isnan(y[token * 32]), token >= 20 && token < 90) << token;
}

struct HostMemory {
  static float load(const void* data, Element, std::int64_t place) { return static_cast<const float*>(data)[place]; }
  static void store(void* data, Element, std::int64_t place, float value) { static_cast<float*>(data)[place] = value; }
};

template <int Width>
std::vector<float> float_attention(const AttentionShape& shape, const AttentionNumbers& numbers) {
  using Attention = FloatAttention<HostMemory, Width>;
  const std::int64_t tokens = numbers.query_begins.back();
  std::vector<float> y(static_cast<std::size_t>(tokens * shape.heads * shape.value_size), std::numeric_limits<float>::quiet_NaN());
  AttentionProblem problem = problem_of(shape, numbers);
  problem.y = y.data();
  const EmulatedWarp<Element::float16> counter(0);
  const auto shared = std::make_unique<typename Attention::Shared>();
  std::vector<typename Attention::Sums> sums(Attention::threads);
  for (std::int64_t number = 0; number < tokens / Attention::block_queries + problem.sequences; ++number)
    for (int head = 0; head < problem.heads; ++head) {
      const QueryBlock block = query_block(number, problem, Attention::block_queries, Attention::threads,
                                           [&](auto predicate) { return counter.count(predicate); });
      if (block.rows == 0) continue;
      Attention attention(problem, block, head, *shared);
      const auto each_thread = [&](auto phase) {
        for (int thread = 0; thread < Attention::threads; ++thread) phase(thread, sums[static_cast<std::size_t>(thread)]);
      };
      each_thread([&](int thread, auto& own) { attention.begin(thread, own); });
      for (int tile = attention.first_tile(); tile < attention.end_key(); tile += Attention::tile_keys) {
        each_thread([&](int thread, auto&) { attention.fetch(thread, tile); });
        each_thread([&](int thread, auto&) { attention.score(thread, tile); });
        each_thread([&](int thread, auto&) { attention.weigh(thread); });
        each_thread([&](int thread, auto& own) { attention.add(thread, own); });
      }
      each_thread([&](int thread, auto& own) { attention.store(thread, own); });
    }
  return y;
}

TEST(FloatAttention, is_what_loops_compute) {
  for (const AttentionShape& shape : attention_shapes()) {
    const AttentionNumbers numbers = attention_numbers(shape, [](float x) { return x; });
    const std::int64_t size = std::max(shape.size, shape.value_size);
    if (size <= 32) {
      EXPECT_LT(error_of(shape, numbers, float_attention<32>(shape, numbers)), 1e-5) << shape.name;
    }
    if (size <= 64) {
      EXPECT_LT(error_of(shape, numbers, float_attention<64>(shape, numbers)), 1e-5) << shape.name;
    }
    if (size <= 128) {
      EXPECT_LT(error_of(shape, numbers, float_attention<128>(shape, numbers)), 1e-5) << shape.name;
    }
  }
  const AttentionShape odd{
      .name = "odd", .sequences = {{35, 70}}, .heads = 2, .key_heads = 1, .size = 131, .value_size = 253, .scale = 0.1F};
  const AttentionNumbers numbers = attention_numbers(odd, [](float x) { return x; });
  EXPECT_LT(error_of(odd, numbers, float_attention<256>(odd, numbers)), 1e-5);
}

TEST(BlocksOfQueries, cover_each_query_once) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 50; ++trial) {
    AttentionShape shape{.name = "", .sequences = {}};
    const int count = static_cast<int>(random() % 400) + 1;
    for (int i = 0; i < count; ++i) {
      const auto length = static_cast<std::int64_t>(random() % 4 == 0 ? random() % 300 : random() % 10);
      shape.sequences.emplace_back(length, length);
    }
    AttentionNumbers numbers;
    numbers.query_begins = {0};
    for (const auto& [queries, keys] : shape.sequences) numbers.query_begins.push_back(numbers.query_begins.back() + queries);
    numbers.key_begins = numbers.query_begins;
    const AttentionProblem problem = problem_of(shape, numbers);
    const std::int64_t tokens = numbers.query_begins.back();
    std::vector<int> taken(static_cast<std::size_t>(tokens));
    const EmulatedWarp<Element::float16> counter(0);
    for (std::int64_t number = 0; number < (tokens + 5) / 64 + problem.sequences; ++number) {
      const QueryBlock block = query_block(number, problem, 64, 128, [&](auto predicate) { return counter.count(predicate); });
      for (int row = 0; row < block.rows; ++row) ++taken[static_cast<std::size_t>(block.query_begin + block.first_query + row)];
    }
    EXPECT_TRUE(std::ranges::all_of(taken, [](int times) { return times == 1; })) << "trial " << trial;
  }
}

TEST(Functions, are_the_references) {
  for (int function = 0; function <= static_cast<int>(UnaryFunction::silu); ++function)
    for (float x : {-infinity, -100.0F, -20.0F, -5.5F, -2.0F, -1.0F, -1e-3F, -0.0F, 0.0F, 1e-3F, 0.3F, 1.0F, 2.5F, 9.0F, 80.0F, infinity,
                    std::numeric_limits<float>::quiet_NaN()}) {
      float values[1] = {x};
      apply_to_all(static_cast<UnaryFunction>(function), values);
      const double expected = reference::apply(static_cast<UnaryFunction>(function), static_cast<double>(x));
      if (std::isnan(expected))
        EXPECT_TRUE(std::isnan(values[0])) << function << " of " << x;
      else if (std::isinf(static_cast<float>(expected)))
        EXPECT_EQ(values[0], static_cast<float>(expected)) << function << " of " << x;
      else
        EXPECT_NEAR(values[0], expected, 1e-6 + 1e-6 * std::abs(expected)) << function << " of " << x;
    }
  const float numbers[] = {-infinity, -2, -0.5F, 0, 1, 3, infinity, std::numeric_limits<float>::quiet_NaN()};
  for (int function = 0; function <= static_cast<int>(BinaryFunction::less_equal); ++function)
    for (float a : numbers)
      for (float b : numbers) {
        const auto chosen = static_cast<BinaryFunction>(function);
        const float result = is_comparison(chosen) ? (compare(chosen, a, b) ? 1.0F : 0.0F) : apply(chosen, a, b);
        const auto expected = static_cast<float>(reference::apply(chosen, static_cast<double>(a), static_cast<double>(b)));
        EXPECT_TRUE(std::isnan(expected) ? std::isnan(result) : result == expected || std::abs(result - expected) < 1e-6F)
            << function << " of " << a << " and " << b;
      }
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const std::int64_t whole_numbers[] = {least, -7, -1, 0, 1, 2, std::numeric_limits<std::int64_t>::max()};
  for (int function = 0; function <= static_cast<int>(BinaryFunction::less_equal); ++function)
    for (std::int64_t a : whole_numbers)
      for (std::int64_t b : whole_numbers) {
        const auto chosen = static_cast<BinaryFunction>(function);
        if (chosen == BinaryFunction::power || (chosen == BinaryFunction::divide && b == 0)) continue;
        const std::int64_t result = is_comparison(chosen) ? std::int64_t{compare(chosen, a, b)} : apply(chosen, a, b);
        EXPECT_EQ(result, reference::apply(chosen, a, b)) << function << " of " << a << " and " << b;
      }
  EXPECT_EQ(cut_towards_zero(-2.9F), -2);
  EXPECT_EQ(cut_towards_zero(1e30F), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(cut_towards_zero(-1e30F), least);
  EXPECT_EQ(cut_towards_zero(std::numeric_limits<float>::quiet_NaN()), 0);
}

TEST(RowQuantiser, gives_the_references_steps) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<float> row(static_cast<std::size_t>(1 + trial % 40));
    for (float& number : row) number = normal(random) * std::exp2(static_cast<float>(trial % 60 - 30)) + static_cast<float>(trial % 3 - 1);
    if (trial % 50 == 0) std::ranges::fill(row, 0.0F);
    const float least = std::min(0.0F, *std::ranges::min_element(row));
    const float largest = std::max(0.0F, *std::ranges::max_element(row));
    const RowQuantiser quantiser = row_quantiser(least, largest, true);
    const reference::Operand expected = reference::as_activations(row, Precision::int8);
    EXPECT_EQ(static_cast<double>(quantiser.scale), expected.scale);
    for (std::size_t i = 0; i < row.size(); ++i)
      EXPECT_NEAR(quantiser.code(row[i]) + quantiser.offset(), expected.steps[i], trial % 50 == 0 ? 0 : 1) << "trial " << trial;
  }
  EXPECT_TRUE(std::isnan(row_quantiser(0, infinity, false).scale));
  EXPECT_TRUE(std::isfinite(row_quantiser(-3e38F, 3e38F, true).scale));
  EXPECT_EQ(int8_product(1000, -5, 10, 0.5F, 2.0F), 950.0F);
  EXPECT_GT(int8_product(2000000000, 128, 2000000, 1.0F, 1.0F), 2.2e9F) << "what 32 bits do not hold";
}

/// Places by merged axes beside places by all of them.
void expect_walk(const Extents& output, const Extents& a, const Extents& b, int rank) {
  const Extents strides[] = {stretched_strides(a, output), stretched_strides(b, output), dense_strides(output)};
  const Walk<3> walk = walk_over(output, strides);
  EXPECT_EQ(walk.rank, rank);
  std::array<std::int64_t, largest_rank> index{};
  for (std::int64_t number = 0; number < walk.count(); ++number) {
    std::int64_t rest = number;
    std::int64_t expected[3] = {};
    for (int axis = output.rank - 1; axis >= 0; --axis) {
      const auto place = static_cast<std::size_t>(axis);
      index[place] = rest % output.sizes[place];
      rest /= output.sizes[place];
      for (int array = 0; array < 3; ++array) expected[array] += index[place] * strides[array].sizes[place];
    }
    std::int64_t places[3];
    walk.places(static_cast<std::uint32_t>(number), places);
    for (int array = 0; array < 3; ++array) EXPECT_EQ(places[array], expected[array]);
    EXPECT_EQ(places[2], number);
  }
}

TEST(Walk, merges_axes_and_stretches) {
  const Extents cube{.rank = 3, .sizes = {4, 5, 6}};
  expect_walk(cube, cube, cube, 1);
  expect_walk(cube, cube, {.rank = 1, .sizes = {6}}, 2);
  expect_walk(cube, cube, {}, 1);
  expect_walk(cube, {.rank = 3, .sizes = {4, 1, 6}}, {.rank = 2, .sizes = {5, 1}}, 3);
  expect_walk(cube, {.rank = 3, .sizes = {4, 1, 1}}, cube, 2);
  expect_walk({.rank = 8, .sizes = {2, 1, 3, 1, 2, 1, 2, 2}}, {.rank = 8, .sizes = {2, 1, 1, 1, 2, 1, 1, 2}},
              {.rank = 8, .sizes = {1, 1, 3, 1, 1, 1, 2, 1}}, 5);
  expect_walk({}, {}, {}, 0);
}

}  // namespace
}  // namespace accelerate::cuda

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
#include "backends/cuda/kernels/rope.cuh"
#include "backends/cuda/kernels/sequences.cuh"

namespace accelerate::cuda {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

int limit(std::int64_t window) { return window < 0 ? unlimited_distance : static_cast<int>(window); }

AttentionProblem problem_of(const AttentionShape& shape, const AttentionNumbers& numbers) {
  const auto pointer = [](const auto& array) { return array.empty() ? nullptr : array.data(); };
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
          .softcap = shape.softcap,
          .behind = limit(shape.window_left),
          .ahead = shape.causal ? 0 : limit(shape.window_right),
          .global_keys = pointer(numbers.global_keys),
          .slopes = pointer(numbers.slopes),
          .head_bias = pointer(numbers.head_bias),
          .query_bias = pointer(numbers.query_bias),
          .key_bias = pointer(numbers.key_bias),
          .distance_columns = numbers.distance_columns.data(),
          .bias_columns = numbers.columns,
          .distance_radius = static_cast<int>(shape.radius),
          .pages = {},
          .key_offset = 0,
          .value_offset = 0};
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

enum class Keys : std::uint8_t { in_rows, in_pages };

/// Lets the problem find its keys and values in pages, and nowhere else.
template <class T>
void put_in_pages(AttentionProblem& problem, const KeysInPages<T>& keys, const std::vector<std::byte*>& table) {
  problem.key = problem.value = nullptr;
  problem.pages = {.begins = keys.begins.data(), .pages = table.data()};
  problem.value_offset = keys.value_offset;
}

template <Element element, int Width, int Blocks, bool General>
std::vector<float> half_attention(const AttentionShape& shape, const AttentionNumbers& numbers, Keys keys = Keys::in_rows) {
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
  KeysInPages<std::uint16_t> pages(shape, numbers, key, value, 0x7fff);
  const std::vector<std::byte*> table = pages.table();
  if (keys == Keys::in_pages) put_in_pages(problem, pages, table);
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
    const bool is_plain = problem_of(shape, numbers).is_plain() && shape.scale > 0;
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

TEST(HalfAttention, finds_keys_in_pages) {
  for (const AttentionShape& shape : remembered_attention_shapes()) {
    const AttentionNumbers numbers = attention_numbers(shape, round_to_float16);
    const std::int64_t size = std::max(shape.size, shape.value_size);
    const bool is_plain = problem_of(shape, numbers).is_plain() && shape.scale > 0;
    if (size <= 64) {
      EXPECT_LT(error_of(shape, numbers, half_attention<Element::float16, 64, 1, true>(shape, numbers, Keys::in_pages)), 3e-3)
          << shape.name;
    }
    if (size <= 64 && is_plain) {
      EXPECT_LT(error_of(shape, numbers, half_attention<Element::float16, 64, 2, false>(shape, numbers, Keys::in_pages)), 3e-3)
          << shape.name << ", twice as high";
    }
    if (size > 64 && is_plain) {
      EXPECT_LT(error_of(shape, numbers, half_attention<Element::float16, 128, 1, false>(shape, numbers, Keys::in_pages)), 3e-3)
          << shape.name << ", wide";
    }
  }
}

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
std::vector<float> float_attention(const AttentionShape& shape, const AttentionNumbers& numbers, Keys keys = Keys::in_rows) {
  using Attention = FloatAttention<HostMemory, Width>;
  const std::int64_t tokens = numbers.query_begins.back();
  std::vector<float> y(static_cast<std::size_t>(tokens * shape.heads * shape.value_size), std::numeric_limits<float>::quiet_NaN());
  AttentionProblem problem = problem_of(shape, numbers);
  problem.y = y.data();
  KeysInPages<float> pages(shape, numbers, numbers.key, numbers.value, std::numeric_limits<float>::quiet_NaN());
  const std::vector<std::byte*> table = pages.table();
  if (keys == Keys::in_pages) put_in_pages(problem, pages, table);
  const EmulatedWarp<Element::float16> counter(0);
  const auto shared = std::make_unique<typename Attention::Shared>();
  std::vector<typename Attention::Sums> sums(Attention::threads);
  for (std::int64_t number = 0; number < tokens / Attention::block_queries + problem.sequences; ++number)
    for (int head = 0; head < problem.heads; ++head) {
      const auto count = [&](auto predicate) { return counter.count(predicate); };
      const QueryBlock block = query_block(number, problem, Attention::block_queries, Attention::threads, count);
      if (block.rows == 0) continue;
      Attention attention(problem, block, head, *shared);
      const auto each_thread = [&](auto phase) {
        for (int thread = 0; thread < Attention::threads; ++thread) phase(thread, sums[static_cast<std::size_t>(thread)]);
      };
      each_thread([&](int thread, auto& own) { attention.begin(thread, own); });
      for (int tile = attention.first_tile(count); tile < attention.end_key(); tile = attention.tile_after(tile, count)) {
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

TEST(FloatAttention, finds_keys_in_pages) {
  for (const AttentionShape& shape : remembered_attention_shapes()) {
    const AttentionNumbers numbers = attention_numbers(shape, [](float x) { return x; });
    EXPECT_LT(error_of(shape, numbers, float_attention<128>(shape, numbers, Keys::in_pages)), 1e-5) << shape.name;
  }
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

TEST(NextTile, leaves_out_what_neither_windows_reach_nor_all_see) {
  AttentionShape shape{.name = "", .sequences = {{10, 10}, {1000, 1000}}, .window_left = 20, .window_right = 5, .global_every = 450};
  const AttentionNumbers numbers = attention_numbers(shape, [](float x) { return x; });
  const AttentionProblem problem = problem_of(shape, numbers);
  const EmulatedWarp<Element::float16> counter(0);
  const auto count = [&](auto predicate) { return counter.count(predicate); };
  // The tenth block of the second sequence: queries [576, 640), whose windows reach [556, 645). Rows 450 and 900 are global: keys 440, 890.
  const QueryBlock block = query_block(1 + 9, problem, 64, 128, count);
  ASSERT_EQ(block.first_query, 576);
  std::vector<int> tiles;
  for (int tile = next_tile(0, 64, problem, block, count); tile < block.end_key(); tile = next_tile(tile + 64, 64, problem, block, count))
    tiles.push_back(tile);
  EXPECT_EQ(tiles, (std::vector<int>{384, 512, 576, 640, 832}));
}

TEST(ShiftedRow, stays_in_its_sequence) {
  const std::vector<std::int64_t> begins{0, 0, 3, 3, 3, 4, 9, 9};
  for (std::int64_t offset : {-10, -2, -1, 0, 1, 2, 10})
    for (std::size_t sequence = 0; sequence + 1 < begins.size(); ++sequence)
      for (std::int64_t token = begins[sequence]; token < begins[sequence + 1]; ++token) {
        EXPECT_EQ(sequence_of(begins.data(), 7, token), static_cast<std::int64_t>(sequence));
        const bool exists = token + offset >= begins[sequence] && token + offset < begins[sequence + 1];
        EXPECT_EQ(shifted_row(begins.data(), 7, token, offset), exists ? token + offset : -1) << token << " by " << offset;
      }
}

TEST(AppendedPlace, is_behind_what_its_sequence_had) {
  const std::vector<std::int64_t> begins{0, 1, 1, 71};       // new rows
  const std::vector<std::int64_t> context{0, 65, 165, 295};  // all rows: 64 + 1, 100 + 0, 60 + 70
  const std::vector<std::int64_t> pages{0, 2, 4};
  const AppendArguments arguments{.begins = begins.data(), .context = context.data(), .pages = {.begins = pages.data()}, .sequences = 3};
  const auto expect = [&](std::int64_t token, std::int64_t page, std::int64_t row) {
    const PagePlace place = appended_place(arguments, token);
    EXPECT_EQ(place.page, page) << token;
    EXPECT_EQ(place.row, row) << token;
  };
  expect(0, 1, 0);
  expect(1, 4, 60);
  expect(4, 4, 63);
  expect(5, 5, 0);
  expect(68, 5, 63);
  expect(70, 6, 1);
}

TEST(TurnedPair, takes_each_number_of_a_head_once) {
  for (bool interleaved : {false, true})
    for (const auto& [size, pairs] : std::vector<std::pair<std::int64_t, std::int64_t>>{{2, 1}, {14, 7}, {20, 4}, {7, 3}, {8, 0}}) {
      std::vector<int> taken(static_cast<std::size_t>(size));
      for (std::int64_t item = 0; item < size - pairs; ++item) {
        const TurnedPair pair = turned_pair(item, pairs, interleaved);
        ++taken[static_cast<std::size_t>(pair.first)];
        EXPECT_EQ(pair.second < 0, item >= pairs);
        if (pair.second < 0) continue;
        ++taken[static_cast<std::size_t>(pair.second)];
        EXPECT_EQ(pair.second - pair.first, interleaved ? 1 : pairs);
        EXPECT_LT(pair.second, 2 * pairs);
      }
      EXPECT_TRUE(std::ranges::all_of(taken, [](int times) { return times == 1; })) << size << " with " << pairs;
    }
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

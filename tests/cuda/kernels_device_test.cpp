// Kernels that take elements, axes, sequences and matrices, on a device beside plain loops.
#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "backends/reference/functions.h"
#include "cuda/device_arrays.h"

namespace accelerate::cuda {
namespace {

using Kernels = OnDevice;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

TEST_F(Kernels, unary_functions) {
  for (Element element : float_elements)
    for (int function = 0; function <= static_cast<int>(UnaryFunction::silu); ++function)
      for (std::size_t count : {1U, 8U, 1001U}) {
        const auto x = random_numbers(count, element, 7);
        const DeviceFloats device_x(element, x);
        const DeviceFloats y(element, count);
        ASSERT_EQ(unary({.function = static_cast<UnaryFunction>(function),
                         .x = device_x.input(),
                         .y = y.output(),
                         .count = static_cast<std::int64_t>(count)}),
                  cudaSuccess);
        const auto results = y.numbers();
        for (std::size_t i = 0; i < count; ++i) {
          const double expected = reference::apply(static_cast<UnaryFunction>(function), static_cast<double>(x[i]));
          if (std::isnan(expected))
            ASSERT_TRUE(std::isnan(results[i])) << function;
          else
            ASSERT_NEAR(results[i], expected, tolerance_of(element) * (1 + std::abs(expected))) << function << " of " << x[i];
        }
      }
}

/// Calls function(places of a and b, number) for the elements of the output.
void for_each_pair(const Extents& output, const Extents& a, const Extents& b,
                   const std::function<void(std::size_t, std::size_t, std::size_t)>& function) {
  std::size_t count = 1;
  for (int axis = 0; axis < output.rank; ++axis) count *= size(output.sizes[size(axis)]);
  const auto place_in = [&](const Extents& array, std::size_t number) {
    std::size_t place = 0;
    std::size_t stride = 1;
    for (int axis = output.rank - 1; axis >= 0; --axis) {
      const std::size_t index = number % size(output.sizes[size(axis)]);
      number /= size(output.sizes[size(axis)]);
      const int own = axis - (output.rank - array.rank);
      if (own < 0) continue;
      if (array.sizes[size(own)] != 1) place += index * stride;
      stride *= size(array.sizes[size(own)]);
    }
    return place;
  };
  for (std::size_t number = 0; number < count; ++number) function(place_in(a, number), place_in(b, number), number);
}

std::size_t count_of(const Extents& extents) {
  return std::accumulate(extents.sizes.begin(), extents.sizes.begin() + extents.rank, std::size_t{1},
                         [](std::size_t product, std::int64_t each) { return product * size(each); });
}

struct Pair {
  Extents a;
  Extents b;
  Extents output;
};

const std::vector<Pair>& pairs() {
  static const std::vector<Pair> pairs{
      {{1, {13}}, {1, {13}}, {1, {13}}},
      {{2, {6, 16}}, {1, {16}}, {2, {6, 16}}},
      {{1, {16}}, {2, {6, 16}}, {2, {6, 16}}},
      {{2, {6, 15}}, {1, {15}}, {2, {6, 15}}},
      {{2, {5, 7}}, {}, {2, {5, 7}}},
      {{1, {1}}, {2, {5, 7}}, {2, {5, 7}}},
      {{3, {4, 1, 6}}, {2, {5, 1}}, {3, {4, 5, 6}}},
      {{8, {2, 1, 3, 1, 2, 1, 2, 2}}, {8, {1, 2, 3, 1, 1, 2, 1, 2}}, {8, {2, 2, 3, 1, 2, 2, 2, 2}}},
      {{2, {0, 4}}, {1, {4}}, {2, {0, 4}}},
  };
  return pairs;
}

TEST_F(Kernels, binary_functions) {
  for (const Pair& pair : pairs())
    for (int function = 0; function <= static_cast<int>(BinaryFunction::less_equal); ++function) {
      const auto chosen = static_cast<BinaryFunction>(function);
      const bool compares = chosen >= BinaryFunction::equal;
      const std::size_t count = count_of(pair.output);
      const DeviceArray<std::uint8_t> booleans(count);
      for (Element element : float_elements) {
        auto a = random_numbers(count_of(pair.a), element, 1);
        auto b = random_numbers(count_of(pair.b), Element::float32, 2);
        if (!a.empty() && element == Element::float32) a.front() = not_a_number;
        for (float& number : b) number = compares ? std::round(number) : number;
        const DeviceFloats device_a(element, a);
        const DeviceFloats device_b(Element::float32, b);
        const DeviceFloats y(Element::float32, count);
        ASSERT_EQ(binary({.function = chosen,
                          .a = {device_a.data(), element, pair.a},
                          .b = {device_b.data(), Element::float32, pair.b},
                          .y = compares ? Output{booleans.data(), Element::boolean} : y.output(),
                          .extents = pair.output}),
                  cudaSuccess);
        const auto results = y.numbers();
        const auto truths = booleans.numbers();
        for_each_pair(pair.output, pair.a, pair.b, [&](std::size_t a_place, std::size_t b_place, std::size_t number) {
          const double expected = reference::apply(chosen, static_cast<double>(a[a_place]), static_cast<double>(b[b_place]));
          if (compares)
            EXPECT_EQ(truths[number], expected != 0) << function;
          else if (std::isnan(expected))
            EXPECT_TRUE(std::isnan(results[number])) << function;
          else
            EXPECT_NEAR(results[number], expected, 1e-5 * (1 + std::abs(expected))) << function;
        });
      }
      if (chosen == BinaryFunction::power) continue;
      std::vector<std::int64_t> a(count_of(pair.a));
      std::vector<std::int64_t> b(count_of(pair.b));
      for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::int64_t>(i % 7) - 3;
      for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<std::int64_t>(i % 5) + 1;
      const DeviceArray<std::int64_t> device_a(a);
      const DeviceArray<std::int64_t> device_b(b);
      const DeviceArray<std::int64_t> y(count);
      ASSERT_EQ(binary({.function = chosen,
                        .a = {device_a.data(), Element::int64, pair.a},
                        .b = {device_b.data(), Element::int64, pair.b},
                        .y = {compares ? static_cast<void*>(booleans.data()) : y.data(), compares ? Element::boolean : Element::int64},
                        .extents = pair.output}),
                cudaSuccess);
      const auto results = y.numbers();
      const auto truths = booleans.numbers();
      for_each_pair(pair.output, pair.a, pair.b, [&](std::size_t a_place, std::size_t b_place, std::size_t number) {
        const std::int64_t expected = reference::apply(chosen, a[a_place], b[b_place]);
        EXPECT_EQ(compares ? truths[number] : results[number], expected) << function;
      });
    }
  const DeviceArray<std::int64_t> numbers({4, 0});
  const DeviceArray<std::int64_t> y(2);
  const DeviceArray<Fault> fault(std::vector<Fault>(1));
  const Extents two{1, {2}};
  ASSERT_EQ(binary({.function = BinaryFunction::divide,
                    .a = {numbers.data(), Element::int64, two},
                    .b = {numbers.data(), Element::int64, two},
                    .y = {y.data(), Element::int64},
                    .extents = two,
                    .fault = fault.data()}),
            cudaSuccess);
  EXPECT_EQ(fault.numbers()[0].kind, FaultKind::division_by_zero);
  EXPECT_EQ(fault.numbers()[0].position, 1);
}

TEST_F(Kernels, where) {
  for (const Pair& pair : pairs()) {
    const std::size_t count = count_of(pair.output);
    std::vector<std::uint8_t> condition(count_of(pair.a));
    for (std::size_t i = 0; i < condition.size(); ++i) condition[i] = i % 3 == 0;
    const auto a = random_numbers(count_of(pair.b), Element::float16, 1);
    const DeviceArray<std::uint8_t> device_condition(condition);
    const DeviceFloats device_a(Element::float16, a);
    const DeviceFloats device_b(Element::float32, std::vector<float>{-infinity});
    const DeviceFloats y(Element::float32, count);
    ASSERT_EQ(cuda::where({.condition = {device_condition.data(), Element::boolean, pair.a},
                           .a = {device_a.data(), Element::float16, pair.b},
                           .b = {device_b.data(), Element::float32, {}},
                           .y = y.output(),
                           .extents = pair.output}),
              cudaSuccess);
    const auto results = y.numbers();
    for_each_pair(pair.output, pair.a, pair.b, [&](std::size_t condition_place, std::size_t a_place, std::size_t number) {
      EXPECT_EQ(results[number], condition[condition_place] != 0 ? a[a_place] : -infinity);
    });
  }
}

TEST_F(Kernels, casts) {
  const std::vector<float> numbers{-2.9F, -0.5F, 0, 0.5F, 3.99F, 1e30F, -1e30F, not_a_number, 7};
  const DeviceFloats x(Element::float32, numbers);
  const DeviceArray<std::int64_t> whole(numbers.size());
  const DeviceArray<std::uint8_t> truth(numbers.size());
  const auto count = static_cast<std::int64_t>(numbers.size());
  ASSERT_EQ(cuda::cast({.x = x.input(), .y = {whole.data(), Element::int64}, .count = count}), cudaSuccess);
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(whole.numbers(), (std::vector<std::int64_t>{-2, 0, 0, 0, 3, largest, -largest - 1, 0, 7}));
  ASSERT_EQ(cuda::cast({.x = x.input(), .y = {truth.data(), Element::boolean}, .count = count}), cudaSuccess);
  EXPECT_EQ(truth.numbers(), (std::vector<std::uint8_t>{1, 1, 0, 1, 1, 1, 1, 1, 1}));
  for (Element element : float_elements) {
    const DeviceFloats y(element, numbers.size());
    ASSERT_EQ(cuda::cast({.x = {truth.data(), Element::boolean}, .y = y.output(), .count = count}), cudaSuccess);
    EXPECT_EQ(y.numbers(), (std::vector<float>{1, 1, 0, 1, 1, 1, 1, 1, 1}));
    const auto wide = random_numbers(1003, Element::float32, 3);
    const DeviceFloats from(Element::float32, wide);
    const DeviceFloats to(element, wide.size());
    ASSERT_EQ(cuda::cast({.x = from.input(), .y = to.output(), .count = 1003}), cudaSuccess);
    const auto results = to.numbers();
    for (std::size_t i = 0; i < wide.size(); ++i) ASSERT_EQ(results[i], rounded(element, wide[i]));
  }
}

TEST_F(Kernels, copies) {
  // A transpose, a slice with a step, a piece of a concatenation whose rows can be moved by sixteen bytes, and all of it.
  std::vector<float> numbers(2 * 3 * 8);
  std::iota(numbers.begin(), numbers.end(), 0.0F);
  const DeviceArray<float> source(numbers);
  const auto run = [&](CopyArguments arguments, std::size_t count) {
    const DeviceArray<float> target(count);
    arguments.target = target.data();
    EXPECT_EQ(copy(arguments), cudaSuccess);
    return target.numbers();
  };
  const auto transposed =
      run({.source = source.data(), .extents = {3, {8, 3, 2}}, .source_strides = {1, 8, 24}, .target_strides = {6, 2, 1}}, 48);
  for (std::size_t i = 0; i < 48; ++i) EXPECT_EQ(transposed[i], numbers[i % 2 * 24 + i / 2 % 3 * 8 + i / 6]);
  const auto sliced = run({.source = source.data() + 1, .extents = {2, {6, 3}}, .source_strides = {8, 2}, .target_strides = {3, 1}}, 18);
  for (std::size_t i = 0; i < 18; ++i) EXPECT_EQ(sliced[i], numbers[i / 3 * 8 + 1 + i % 3 * 2]);
  const auto piece = run({.source = source.data(), .extents = {2, {6, 8}}, .source_strides = {8, 1}, .target_strides = {12, 1}}, 72);
  for (std::size_t i = 0; i < 72; ++i) {
    if (i % 12 < 8)
      EXPECT_EQ(piece[i], numbers[i / 12 * 8 + i % 12]);
    else
      EXPECT_TRUE(std::isnan(piece[i])) << "a gap was written";
  }
  EXPECT_EQ(run({.source = source.data(), .extents = {2, {6, 8}}, .source_strides = {8, 1}, .target_strides = {8, 1}}, 48), numbers);
  EXPECT_EQ(copy({.extents = {2, {0, 8}}}), cudaSuccess);
  for (Element element : {Element::boolean, Element::float16, Element::int64}) {
    const std::size_t bytes = size_of(element);
    std::vector<std::uint8_t> from(5 * 7 * bytes);
    std::iota(from.begin(), from.end(), std::uint8_t{0});
    const DeviceArray<std::uint8_t> device_from(from);
    const DeviceArray<std::uint8_t> to(from.size());
    ASSERT_EQ(copy({.source = device_from.data(),
                    .target = to.data(),
                    .element = element,
                    .extents = {2, {7, 5}},
                    .source_strides = {1, 7},
                    .target_strides = {5, 1}}),
              cudaSuccess);
    const auto results = to.numbers();
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::size_t item = i / bytes;
      EXPECT_EQ(results[i], from[(item % 5 * 7 + item / 5) * bytes + i % bytes]);
    }
  }
}

TEST_F(Kernels, reductions) {
  for (const auto& [outer, count, inner] :
       std::vector<std::array<std::int64_t, 3>>{{5, 7, 1}, {3, 5000, 1}, {2, 9, 33}, {4, 0, 3}, {1, 1, 1}})
    for (Reduction function : {Reduction::sum, Reduction::mean, Reduction::maximum, Reduction::minimum})
      for (Element element : float_elements) {
        if (count == 0 && function != Reduction::sum) continue;
        const auto x = random_numbers(size(outer * count * inner), element, 1);
        const DeviceFloats device_x(element, x);
        const DeviceFloats y(Element::float32, size(outer * inner));
        ASSERT_EQ(reduce({.function = function, .x = device_x.input(), .y = y.output(), .outer = outer, .count = count, .inner = inner}),
                  cudaSuccess);
        std::vector<double> expected;
        for (std::int64_t i = 0; i < outer * inner; ++i) {
          double sum = 0;
          double largest = -static_cast<double>(infinity);
          double least = static_cast<double>(infinity);
          for (std::int64_t j = 0; j < count; ++j) {
            const double number = x[size((i / inner * count + j) * inner + i % inner)];
            sum += number;
            largest = std::max(largest, number);
            least = std::min(least, number);
          }
          const double results[] = {sum, sum / static_cast<double>(count), largest, least};
          expected.push_back(results[static_cast<std::size_t>(function)]);
        }
        expect_near(y.numbers(), expected, Element::float32, "reduce");
      }
  const DeviceFloats x(Element::float32, std::vector<float>{1, not_a_number, 3});
  const DeviceFloats y(Element::float32, 1);
  ASSERT_EQ(reduce({.function = Reduction::maximum, .x = x.input(), .y = y.output(), .outer = 1, .count = 3, .inner = 1}), cudaSuccess);
  EXPECT_TRUE(std::isnan(y.numbers()[0]));
}

TEST_F(Kernels, sequences) {
  const std::vector<std::int64_t> begins{0, 3, 3, 4, 104};
  const DeviceArray<std::int64_t> device_begins(begins);
  std::vector<std::int64_t> whole(104);
  for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<std::int64_t>(i * 37 % 11) - 4;
  const DeviceArray<std::int64_t> device_whole(whole);
  ASSERT_EQ(sequence_cumsum({.x = device_whole.data(), .begins = device_begins.data(), .y = device_whole.data(), .sequences = 4}),
            cudaSuccess);
  const auto sums = device_whole.numbers();
  for (std::size_t sequence = 0; sequence < 4; ++sequence) {
    std::int64_t sum = 0;
    for (std::size_t token = size(begins[sequence]); token < size(begins[sequence + 1]); ++token)
      EXPECT_EQ(sums[token], sum += whole[token]);
  }
  for (std::int64_t columns : {1, 33, 384})
    for (Element element : float_elements)
      for (Pooling function : {Pooling::mean, Pooling::maximum, Pooling::sum, Pooling::first, Pooling::last}) {
        const auto x = random_numbers(size(104 * columns), element, 1);
        const DeviceFloats device_x(element, x);
        const DeviceFloats y(Element::float32, size(4 * columns));
        const DeviceArray<Fault> fault(std::vector<Fault>(1));
        ASSERT_EQ(sequence_pool({.function = function,
                                 .x = device_x.input(),
                                 .begins = device_begins.data(),
                                 .y = y.output(),
                                 .sequences = 4,
                                 .columns = columns,
                                 .fault = fault.data()}),
                  cudaSuccess);
        const bool needs_rows = function != Pooling::mean && function != Pooling::sum;
        EXPECT_EQ(fault.numbers()[0].kind, needs_rows ? FaultKind::empty_sequence : FaultKind::none);
        EXPECT_EQ(fault.numbers()[0].position, needs_rows ? 1 : 0);
        std::vector<double> expected;
        for (std::size_t sequence = 0; sequence < 4; ++sequence)
          for (std::int64_t column = 0; column < columns; ++column) {
            const auto at = [&](std::int64_t token) { return static_cast<double>(x[size(token * columns + column)]); };
            const std::int64_t first = begins[sequence];
            const std::int64_t end = begins[sequence + 1];
            if (first == end) {
              expected.push_back(0);
              continue;
            }
            double sum = 0;
            double largest = at(first);
            for (std::int64_t token = first; token < end; ++token) {
              sum += at(token);
              largest = std::max(largest, at(token));
            }
            const double results[] = {sum / static_cast<double>(end - first), largest, sum, at(first), at(end - 1)};
            expected.push_back(results[static_cast<std::size_t>(function)]);
          }
        expect_near(y.numbers(), expected, Element::float32, "sequence_pool");
      }
}

TEST_F(Kernels, shifted_rows) {
  const std::vector<std::int64_t> begins{0, 3, 3, 4, 104};
  const DeviceArray<std::int64_t> device_begins(begins);
  for (std::int64_t columns : {1, 6, 64})
    for (std::int64_t offset : {-200, -1, 0, 2}) {
      const auto x = random_numbers(size(104 * columns), Element::float32, 1);
      const DeviceFloats device_x(Element::float32, x);
      const DeviceFloats y(Element::float32, x.size());
      ASSERT_EQ(sequence_shift({.x = device_x.input(),
                                .begins = device_begins.data(),
                                .y = y.output(),
                                .tokens = 104,
                                .columns = columns,
                                .sequences = 4,
                                .offset = offset}),
                cudaSuccess);
      const auto results = y.numbers();
      for (std::size_t sequence = 0; sequence < 4; ++sequence)
        for (std::int64_t token = begins[sequence]; token < begins[sequence + 1]; ++token)
          for (std::int64_t column = 0; column < columns; ++column) {
            const std::int64_t from = token + offset;
            const bool exists = from >= begins[sequence] && from < begins[sequence + 1];
            ASSERT_EQ(results[size(token * columns + column)], exists ? x[size(from * columns + column)] : 0.0F);
          }
    }
}

TEST_F(Kernels, scattered_rows) {
  for (std::int64_t columns : {1, 7, 64}) {
    const auto x = random_numbers(size(9 * columns), Element::float32, 1);
    const auto updates = random_numbers(size(3 * columns), Element::float32, 2);
    const DeviceFloats device_x(Element::float32, x);
    const DeviceFloats device_updates(Element::float32, updates);
    const DeviceArray<std::int64_t> indices({8, 0, 9});
    const DeviceFloats y(Element::float32, x.size());
    const DeviceArray<Fault> fault(std::vector<Fault>(1));
    ASSERT_EQ(scatter({.x = device_x.input(),
                       .indices = indices.data(),
                       .updates = device_updates.input(),
                       .y = y.output(),
                       .rows = 9,
                       .columns = columns,
                       .count = 3,
                       .fault = fault.data()}),
              cudaSuccess);
    const auto results = y.numbers();
    for (std::int64_t row = 0; row < 9; ++row)
      for (std::int64_t column = 0; column < columns; ++column) {
        const float expected = row == 8   ? updates[size(column)]
                               : row == 0 ? updates[size(columns + column)]
                                          : x[size(row * columns + column)];
        EXPECT_EQ(results[size(row * columns + column)], expected) << row;
      }
    EXPECT_EQ(fault.numbers()[0].kind, FaultKind::index_outside_table);
    EXPECT_EQ(fault.numbers()[0].position, 2);
    EXPECT_EQ(fault.numbers()[0].value, 9);
  }
}

TEST_F(Kernels, turned_pairs) {
  struct Shape {
    std::int64_t size;
    std::int64_t pairs;
  };
  for (const auto& [head, pairs] : {Shape{2, 1}, Shape{128, 64}, Shape{20, 4}, Shape{7, 3}})
    for (bool interleaved : {false, true})
      for (Element element : float_elements) {
        constexpr std::int64_t tokens = 5;
        constexpr std::int64_t heads = 3;
        const std::int64_t stride = heads * head + 8;  // of rows within wider ones
        const auto x = random_numbers(size(tokens * stride), element, 1);
        const auto cosines = random_numbers(size(tokens * pairs), Element::float32, 2);
        const auto sines = random_numbers(size(tokens * pairs), Element::float32, 3);
        const DeviceFloats device_x(element, x);
        const DeviceFloats device_cosines(Element::float32, cosines);
        const DeviceFloats device_sines(Element::float32, sines);
        const DeviceFloats y(element, size(tokens * heads * head));
        ASSERT_EQ(rope({.x = {device_x.data(), element, stride},
                        .cosines = static_cast<const float*>(device_cosines.data()),
                        .sines = static_cast<const float*>(device_sines.data()),
                        .y = y.output(),
                        .tokens = tokens,
                        .heads = heads,
                        .size = head,
                        .pairs = pairs,
                        .interleaved = interleaved}),
                  cudaSuccess);
        std::vector<double> expected;
        for (std::int64_t token = 0; token < tokens; ++token)
          for (std::int64_t column = 0; column < heads * head; ++column) expected.push_back(x[size(token * stride + column)]);
        for (std::int64_t row = 0; row < tokens * heads; ++row)
          for (std::int64_t pair = 0; pair < pairs; ++pair) {
            double& first = expected[size(row * head + (interleaved ? 2 * pair : pair))];
            double& second = expected[size(row * head + (interleaved ? 2 * pair + 1 : pair + pairs))];
            const double a = first;
            const double b = second;
            const double cosine = cosines[size(row / heads * pairs + pair)];
            const double sine = sines[size(row / heads * pairs + pair)];
            first = a * cosine - b * sine;
            second = b * cosine + a * sine;
          }
        expect_near(y.numbers(), expected, element, "rope");
      }
}

TEST_F(Kernels, matrix_products) {
  for (bool transpose_a : {false, true})
    for (bool transpose_b : {false, true})
      for (Element element : float_elements) {
        // Batches [2, 3], of which a has the first axis alone and b the second.
        constexpr std::int64_t rows = 70;
        constexpr std::int64_t columns = 65;
        constexpr std::int64_t inner = 19;
        const auto a = random_numbers(2 * rows * inner, element, 1);
        const auto b = random_numbers(3 * inner * columns, element, 2);
        const DeviceFloats device_a(element, a);
        const DeviceFloats device_b(element, b);
        const DeviceFloats y(Element::float32, 6 * rows * columns);
        const Extents a_extents{4, {2, 1, transpose_a ? inner : rows, transpose_a ? rows : inner}};
        const Extents b_extents{3, {3, transpose_b ? columns : inner, transpose_b ? inner : columns}};
        ASSERT_EQ(matmul({.a = {device_a.data(), element, a_extents},
                          .b = {device_b.data(), element, b_extents},
                          .transpose_a = transpose_a,
                          .transpose_b = transpose_b,
                          .y = y.output(),
                          .extents = {4, {2, 3, rows, columns}}}),
                  cudaSuccess);
        std::vector<double> expected;
        for (std::int64_t batch = 0; batch < 6; ++batch)
          for (std::int64_t row = 0; row < rows; ++row)
            for (std::int64_t column = 0; column < columns; ++column) {
              double sum = 0;
              for (std::int64_t i = 0; i < inner; ++i)
                sum +=
                    static_cast<double>(a[size(batch / 3 * rows * inner + (transpose_a ? i * rows + row : row * inner + i))]) *
                    static_cast<double>(b[size(batch % 3 * inner * columns + (transpose_b ? column * inner + i : i * columns + column))]);
              expected.push_back(sum);
            }
        expect_near(y.numbers(), expected, Element::float32, "matmul");
      }
}

}  // namespace
}  // namespace accelerate::cuda

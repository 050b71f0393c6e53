// Weights on the device: encoded as the definitions say, there once however many executables read them, and gone with the last.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "backends/cuda/weight_encoding.h"
#include "backends/reference/operand.h"
#include "cuda/fake_arrays.h"
#include "cuda/fake_backend.h"

namespace accelerate::cuda {
namespace {

/// Rows of ordinary numbers, of zeros, and of one large number.
Tensor sample(std::int64_t rows, std::int64_t columns) {
  std::vector<float> numbers;
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    const std::int64_t row = i / columns;
    numbers.push_back(row == 1 ? 0.0F : std::sin(static_cast<float>(i * 7 + 1)) * (i % columns == 2 ? 30.0F : 1.0F));
  }
  return Tensor::from<float>(numbers, {rows, columns});
}

EncodedWeight encoded(std::span<const Tensor* const> parts, Encoding encoding) {
  ThreadPool threads(2);
  const ThreadPool::Place place(threads);
  return encode(parts, encoding, threads);
}

TEST(CudaWeights, Int8IsTheDefinitionsStepsPaddedWithZeros) {
  const Tensor first = sample(5, 21);
  const Tensor second = sample(2, 21);
  const std::array<const Tensor*, 2> parts{&first, &second};
  const EncodedWeight weight = encoded(parts, Encoding::int8);
  EXPECT_EQ(weight.padded_columns, 32);
  EXPECT_EQ(weight.padded_rows, 16) << "seven rows are no multiple of four";
  for (std::int64_t row = 0; row < 7; ++row) {
    const Tensor& source = row < 5 ? first : second;
    const auto numbers = source.values<float>().subspan(static_cast<std::size_t>((row < 5 ? row : row - 5) * 21), 21);
    const reference::Operand operand = reference::as_operand(numbers, Precision::int8);
    EXPECT_EQ(load_as<float>(weight.bytes.data() + weight.scales_offset, row), static_cast<float>(operand.scale)) << row;
    std::int32_t sum = 0;
    for (std::int64_t column = 0; column < 32; ++column) {
      const int step = load_as<std::int8_t>(weight.bytes.data(), row * 32 + column);
      EXPECT_EQ(step, column < 21 ? operand.steps[static_cast<std::size_t>(column)] : 0) << row << ", " << column;
      sum += step;
    }
    EXPECT_EQ(load_as<std::int32_t>(weight.bytes.data() + weight.sums_offset, row), sum) << row;
  }
}

TEST(CudaWeights, ARowThatIsNotFiniteStaysSo) {
  const std::array numbers{1.0F, std::numeric_limits<float>::infinity(), 2.0F, 1.0F, 2.0F, 3.0F};
  const Tensor tensor = Tensor::from<float>(numbers, {2, 3});
  const std::array<const Tensor*, 1> parts{&tensor};
  const EncodedWeight weight = encoded(parts, Encoding::int8);
  EXPECT_TRUE(std::isnan(load_as<float>(weight.bytes.data() + weight.scales_offset, 0)));
  EXPECT_FALSE(std::isnan(load_as<float>(weight.bytes.data() + weight.scales_offset, 1)));
}

TEST(CudaWeights, FloatsAreRoundedToTheNearestAndStackedInOrder) {
  const Tensor first = sample(2, 40);
  const Tensor second = sample(3, 40);
  const std::array<const Tensor*, 2> parts{&first, &second};
  const EncodedWeight half = encoded(parts, Encoding::float16);
  const EncodedWeight brain = encoded(parts, Encoding::bfloat16);
  const EncodedWeight whole = encoded(parts, Encoding::float32);
  for (std::int64_t i = 0; i < 200; ++i) {
    const float number =
        i < 80 ? first.values<float>()[static_cast<std::size_t>(i)] : second.values<float>()[static_cast<std::size_t>(i - 80)];
    EXPECT_EQ(load_as<float>(whole.bytes.data(), i), number);
    EXPECT_EQ(load_as<std::uint16_t>(half.bytes.data(), i), to_float16(number));
    EXPECT_EQ(load_as<std::uint16_t>(brain.bytes.data(), i), to_bfloat16(number));
  }
}

TEST(CudaWeights, ASecondExecutableOfTheSameWeightsBringsNoneOfThem) {
  const FakeBackend fake;
  CaseBuilder b = encoder();
  const auto first = fake.compile(b.graph(), Precision::bf16);
  const std::int64_t of_first = fake.state->bytes_to_device;
  const std::size_t blocks = fake.state->memory.size();
  EXPECT_GT(of_first, 0);
  const auto second = fake.compile(b.graph(), Precision::bf16);
  EXPECT_EQ(fake.state->bytes_to_device, of_first);
  EXPECT_EQ(fake.state->memory.size(), blocks);
  const auto other_precision = fake.compile(b.graph(), Precision::int8);
  EXPECT_GT(fake.state->bytes_to_device, of_first);
}

TEST(CudaWeights, AreBroughtAgainAfterTheLastExecutableIsGone) {
  const FakeBackend fake;
  CaseBuilder b = encoder();
  fake.compile(b.graph());
  EXPECT_TRUE(fake.state->is_clean());
  const std::int64_t of_first = fake.state->bytes_to_device;
  fake.compile(b.graph());
  EXPECT_EQ(fake.state->bytes_to_device, 2 * of_first);
}

}  // namespace
}  // namespace accelerate::cuda

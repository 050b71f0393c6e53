#include "amx_emulated.h"
#include "backends/four_bits.h"
#include "coded_cases.h"

namespace accelerate::cpu {
namespace {

/// What another rounding may change by some standard deviations: of activations to bfloat16, or of both operands to bytes.
constexpr double rounded_otherwise = 0.05;

double tolerance_of(Isa isa, std::int64_t rows) { return isa == Isa::amx && rows >= 9 ? rounded_otherwise : 2e-5; }

/// Runs on the table of each level, and the emulated one.
void check_all(const KernelTable& table, const CodedCase& test) { check_coded(table, test, tolerance_of(table.isa, test.rows)); }

std::vector<CodedCase> shapes() {
  std::vector<CodedCase> cases;
  for (std::int64_t rows = 1; rows <= 9; ++rows) cases.push_back({.rows = rows});
  for (const std::int64_t rows : {11, 12, 13, 32, 33, 47, 129}) cases.push_back({.rows = rows, .inputs = 96, .outputs = 33});
  for (const std::int64_t inputs : {1, 5, 31, 32, 33, 63, 100, 384})
    cases.push_back({.rows = 3, .inputs = inputs, .outputs = 17, .gap = 3});
  for (const std::int64_t outputs : {1, 8, 15, 16, 31, 32, 33, 65}) cases.push_back({.rows = 2, .outputs = outputs, .tail = true});
  for (const std::int64_t rows : {2, 40}) {
    cases.push_back({.rows = rows, .inputs = 200, .group_size = 128, .zero = 0, .offsets = true, .shuffled = true});
    cases.push_back({.rows = rows, .inputs = 4200, .outputs = 33, .group_size = 128, .zero = 7});
    cases.push_back({.bits = 8, .rows = rows, .inputs = 70, .group_size = 32, .zero = 128, .tail = true, .gap = 5});
    cases.push_back({.bits = 8, .rows = rows, .inputs = 112, .group_size = 16, .zero = 160});
    cases.push_back({.bits = 8, .rows = rows, .inputs = 72, .group_size = 16, .zero = 0, .offsets = true, .tail = true});
    cases.push_back({.bits = 8, .rows = rows, .inputs = 300, .group_size = 320, .zero = 128});
    cases.push_back({.rows = rows, .inputs = 64, .zero = 0, .offsets = true, .tail = true});
  }
  return cases;
}

class Coded : public KernelTest {};
INSTANTIATE_FOR_USABLE_LEVELS(Coded);

TEST_P(Coded, Products) {
  for (const CodedCase& test : shapes()) check_all(table(), test);
}

TEST(CodedByEmulatedTiles, Products) {
  for (const CodedCase& test : shapes()) check_all(emulated_amx_kernels, test);
}

/// The definition's codes and scales, to the bit.
TEST_P(Coded, RoundsAsTheDefinitionDoes) {
  for (std::int64_t count = 1; count <= four_bit_group; ++count) {
    Matrix x = Matrix::random(200, count, static_cast<std::uint32_t>(count));
    std::fill_n(x.data(), count, 0.0F);
    if (count > 2) x.at(1, 2) = std::numeric_limits<float>::quiet_NaN();
    if (count > 3) x.at(2, 3) = -std::numeric_limits<float>::infinity();
    for (std::int64_t row = 0; row < x.rows; ++row) {
      const std::span<const float> numbers(x.data() + row * x.stride, static_cast<std::size_t>(count));
      std::vector<std::uint8_t> expected(numbers.size());
      std::vector<std::uint8_t> codes(numbers.size());
      const float expected_scale = quantise_four_bits(numbers, expected.data());
      const float scale = table().coded.quantise_four_bits(numbers.data(), count, codes.data());
      EXPECT_EQ(codes, expected) << "row " << row << " of " << count;
      EXPECT_TRUE(scale == expected_scale || (std::isnan(scale) && std::isnan(expected_scale))) << scale << " and " << expected_scale;
    }
  }
}

TEST(FourBits, LoseLessThanRoundingToSevenSteps) {
  const Matrix x = Matrix::random(500, four_bit_group, 5);
  double lost = 0;
  double plain = 0;
  for (std::int64_t row = 0; row < x.rows; ++row) {
    const std::span<const float> numbers(x.data() + row * x.stride, four_bit_group);
    std::vector<std::uint8_t> codes(numbers.size());
    const double scale = quantise_four_bits(numbers, codes.data());
    double largest = 0;
    for (const float number : numbers) largest = std::max(largest, std::abs(static_cast<double>(number)));
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      lost += std::pow(numbers[i] - scale * (codes[i] - four_bit_zero), 2);
      plain += std::pow(numbers[i] - std::nearbyint(numbers[i] * 7 / largest) * largest / 7, 2);
    }
  }
  EXPECT_LT(lost, 0.8 * plain);
}

TEST(FourBits, ScalesAreHalvesOfAPowerOfTwo) {
  const std::vector<float> scales{3e-30F, -5e-30F, 0.0F};
  std::vector<std::uint16_t> halves(scales.size());
  const float factor = halve_scales(scales, halves.data());
  EXPECT_EQ(std::log2(factor), std::ceil(std::log2(5e-30F)));
  EXPECT_EQ(halves[2], 0);
  const std::vector<float> bad{1.0F, std::numeric_limits<float>::infinity()};
  EXPECT_TRUE(std::isnan(halve_scales(bad, halves.data())));
  EXPECT_EQ(halve_scales(std::vector<float>{0.0F}, halves.data()), 0.0F);
}

}  // namespace
}  // namespace accelerate::cpu

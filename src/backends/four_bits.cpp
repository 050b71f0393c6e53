#include "backends/four_bits.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/half.h"

namespace accelerate {
namespace {

constexpr std::size_t lanes = 16;

float sum_of(const std::array<float, lanes>& parts) {
  float sum = 0;
  for (const float part : parts) sum += part;
  return sum;
}

float code_of(float x, float factor) { return std::clamp(std::nearbyint(x * factor), -8.0F, 7.0F); }

}  // namespace

float quantise_four_bits(std::span<const float> x, std::uint8_t* codes) {
  std::array<float, four_bit_group> numbers{};
  std::ranges::copy(x, numbers.begin());
  float largest = 0;
  for (const float number : numbers) {
    if (!std::isfinite(number)) largest = std::numeric_limits<float>::infinity();
    if (std::abs(number) > std::abs(largest)) largest = number;
  }
  std::fill_n(codes, x.size(), static_cast<std::uint8_t>(four_bit_zero));
  if (std::isinf(largest)) return std::numeric_limits<float>::quiet_NaN();
  if (std::abs(largest) < 1e-30F) return 0;
  float best_scale = 0;
  float best_factor = 0;
  float best_gain = 0;
  for (const float divisor : four_bit_divisors) {
    const float factor = -divisor / largest;
    std::array<float, lanes> products{};
    std::array<float, lanes> squares{};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const float code = code_of(numbers[i], factor);
      products[i % lanes] = std::fma(numbers[i], code, products[i % lanes]);
      squares[i % lanes] = std::fma(code, code, squares[i % lanes]);
    }
    const float product = sum_of(products);
    const float scale = product / sum_of(squares);
    const float gain = product * scale;  // what the squared error is less than the sum of x²
    if (gain <= best_gain) continue;
    best_gain = gain;
    best_scale = scale;
    best_factor = factor;
  }
  for (std::size_t i = 0; i < x.size(); ++i)
    codes[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(code_of(numbers[i], best_factor)) + four_bit_zero);
  return best_scale;
}

float halve_scales(std::span<const float> scales, std::uint16_t* halves) {
  float largest = 0;
  for (const float scale : scales) {
    if (!std::isfinite(scale)) largest = std::numeric_limits<float>::infinity();
    largest = std::max(largest, std::abs(scale));
  }
  int exponent = 0;
  std::frexp(largest, &exponent);
  const bool usable = std::isfinite(largest) && largest > 1e-35F;
  for (std::size_t i = 0; i < scales.size(); ++i) halves[i] = usable ? to_float16(std::ldexp(scales[i], -exponent)) : std::uint16_t{0};
  if (!usable) return largest > 1e-35F ? std::numeric_limits<float>::quiet_NaN() : 0.0F;
  return std::ldexp(1.0F, exponent);
}

}  // namespace accelerate

// backends/four_bits.h in vectors: the same operations in the same order, so that codes and scales are the same to the bit.
#pragma once

#include "backends/cpu/kernels/packing.inl.h"
#include "backends/four_bits.h"

namespace accelerate::cpu {
namespace {

/// The sum of 16 lanes, from the first to the last.
inline float sum_in_order(const float (&lanes)[16]) {
  float sum = 0.0F;
  for (const float lane : lanes) sum += lane;
  return sum;
}

/// The number of largest magnitude, the first of several; infinity when one is not finite.
inline float extreme_of(const float* x, std::int64_t count) {
  const float magnitude = largest_magnitude(x, count);
  if (magnitude == __builtin_inff()) return magnitude;
  for (std::int64_t i = 0; i < count; ++i)
    if (x[i] == magnitude || x[i] == -magnitude) return x[i];
  return 0.0F;
}

/// Codes of [-8, 7] as floats.
inline Floats four_bit_code(Floats x, Floats factor) {
  const Integers code = to_integers(multiply(x, factor));
  return to_floats(minimum(maximum(code, spread(std::int32_t{-8})), spread(std::int32_t{7})));
}

float four_bit_codes(const float* x, std::int64_t count, std::uint8_t* codes) {
  constexpr int vectors = static_cast<int>(four_bit_group / width);
  constexpr int sums = static_cast<int>(16 / width);
  __builtin_memset(codes, four_bit_zero, static_cast<std::size_t>(count));
  const float largest = extreme_of(x, count);
  if (largest == __builtin_inff()) return __builtin_nanf("");
  if (__builtin_fabsf(largest) < 1e-30F) return 0.0F;
  Floats numbers[vectors];
  for (int i = 0; i < vectors; ++i) numbers[i] = i * width < count ? load_up_to(x + i * width, count - i * width) : spread(0.0F);
  float best_scale = 0.0F;
  float best_factor = 0.0F;
  float best_gain = 0.0F;
  for (const float divisor : four_bit_divisors) {
    const float factor = -divisor / largest;
    Floats products[sums];
    Floats squares[sums];
    for (int i = 0; i < sums; ++i) products[i] = squares[i] = spread(0.0F);
    for (int i = 0; i < vectors; ++i) {
      const Floats code = four_bit_code(numbers[i], spread(factor));
      products[i % sums] = multiply_add(numbers[i], code, products[i % sums]);
      squares[i % sums] = multiply_add(code, code, squares[i % sums]);
    }
    alignas(64) float product_lanes[16];
    alignas(64) float square_lanes[16];
    for (int i = 0; i < sums; ++i) {
      store(product_lanes + i * width, products[i]);
      store(square_lanes + i * width, squares[i]);
    }
    const float product = sum_in_order(product_lanes);
    const float scale = product / sum_in_order(square_lanes);
    const float gain = product * scale;
    if (gain <= best_gain) continue;
    best_gain = gain;
    best_scale = scale;
    best_factor = factor;
  }
  alignas(64) std::byte best[four_bit_group];
  for (int i = 0; i < vectors; ++i)
    store_bytes(best + i * width, add(to_integers(four_bit_code(numbers[i], spread(best_factor))), spread(four_bit_zero)));
  __builtin_memcpy(codes, best, static_cast<std::size_t>(count));
  return best_scale;
}

}  // namespace
}  // namespace accelerate::cpu

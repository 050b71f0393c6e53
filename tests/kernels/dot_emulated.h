// What AVX512_BF16 and AVX512_VNNI do, in plain loops.
#pragma once

#include "backends/cpu/kernels/products.inl.h"

namespace accelerate::cpu {
namespace {

inline float plain_bfloat16(std::uint16_t bits) { return __builtin_bit_cast(float, static_cast<std::uint32_t>(bits) << 16); }

/// sum + a₀·b₀ + a₁·b₁ over one pair of bfloat16.
inline float plain_bfloat16_pair(float sum, const std::byte* a, const std::byte* b) {
  std::uint16_t left[2];
  std::uint16_t right[2];
  __builtin_memcpy(left, a, sizeof(left));
  __builtin_memcpy(right, b, sizeof(right));
  return sum + plain_bfloat16(left[0]) * plain_bfloat16(right[0]) + plain_bfloat16(left[1]) * plain_bfloat16(right[1]);
}

/// sum + a₀·b₀ + … + a₃·b₃ over one quad of bytes, a unsigned and b signed.
inline std::int32_t plain_byte_quad(std::int32_t sum, const std::byte* a, const std::byte* b) {
  for (int i = 0; i < 4; ++i) sum += static_cast<std::int32_t>(a[i]) * static_cast<std::int8_t>(b[i]);
  return sum;
}

inline Floats add_bfloat16_pairs(Floats sum, Integers a, Integers b) {
  float sums[width];
  std::byte left[width * 4];
  std::byte right[width * 4];
  store(sums, sum);
  store_integers(left, a);
  store_integers(right, b);
  for (std::int64_t i = 0; i < width; ++i) sums[i] = plain_bfloat16_pair(sums[i], left + 4 * i, right + 4 * i);
  return load(sums);
}

inline Integers add_byte_quads(Integers sum, Integers a, Integers b) {
  std::int32_t sums[width];
  std::byte left[width * 4];
  std::byte right[width * 4];
  store_integers(sums, sum);
  store_integers(left, a);
  store_integers(right, b);
  for (std::int64_t i = 0; i < width; ++i) sums[i] = plain_byte_quad(sums[i], left + 4 * i, right + 4 * i);
  return load_integers(sums);
}

inline void store_bfloat16(void* to, Floats x) { store_shorts(to, shift_right<16>(bits_of(round_to_bfloat16(x)))); }

}  // namespace
}  // namespace accelerate::cpu

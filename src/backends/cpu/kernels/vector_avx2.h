// Eight floats or integers of 32 bits in one AVX2 register, with the operations that the kernels are written in.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace accelerate::cpu {
namespace {

using Floats = __m256;
using Integers = __m256i;
using Mask = __m256;

constexpr std::int64_t width = 8;
/// Rows of one register tile: with two registers of columns 12 accumulators, what 16 registers allow.
constexpr int tile_rows = 6;

inline Integers lane_numbers() { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
inline Floats spread(float value) { return _mm256_set1_ps(value); }
inline Integers spread(std::int32_t value) { return _mm256_set1_epi32(value); }
inline Integers first_lanes(std::int64_t count) { return _mm256_cmpgt_epi32(spread(static_cast<std::int32_t>(count)), lane_numbers()); }

inline Floats load(const float* from) { return _mm256_loadu_ps(from); }
/// The first `count` < width values, then zeros; reads nothing past them.
inline Floats load_first(const float* from, std::int64_t count) { return _mm256_maskload_ps(from, first_lanes(count)); }
inline void store(float* to, Floats x) { _mm256_storeu_ps(to, x); }
inline void store_first(float* to, std::int64_t count, Floats x) { _mm256_maskstore_ps(to, first_lanes(count), x); }
inline Integers load_integers(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
inline void store_integers(void* to, Integers x) { _mm256_storeu_si256(static_cast<__m256i*>(to), x); }

inline Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
inline Floats subtract(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
inline Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
inline Floats divide(Floats a, Floats b) { return _mm256_div_ps(a, b); }
/// a·b + c
inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
/// c - a·b
inline Floats subtract_product(Floats a, Floats b, Floats c) { return _mm256_fnmadd_ps(a, b, c); }
/// The smaller; b when either is NaN.
inline Floats minimum(Floats a, Floats b) { return _mm256_min_ps(a, b); }
/// The larger; b when either is NaN.
inline Floats maximum(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Floats square_root(Floats x) { return _mm256_sqrt_ps(x); }
inline Floats magnitude(Floats x) { return _mm256_andnot_ps(spread(-0.0F), x); }
/// |x| with the sign of `sign`.
inline Floats with_sign(Floats x, Floats sign) { return _mm256_or_ps(magnitude(x), _mm256_and_ps(spread(-0.0F), sign)); }

inline Integers add(Integers a, Integers b) { return _mm256_add_epi32(a, b); }
inline Integers subtract(Integers a, Integers b) { return _mm256_sub_epi32(a, b); }
inline Integers maximum(Integers a, Integers b) { return _mm256_max_epi32(a, b); }
inline Integers minimum(Integers a, Integers b) { return _mm256_min_epi32(a, b); }
inline Integers multiply(Integers a, Integers b) { return _mm256_mullo_epi32(a, b); }
inline Integers bitwise_and(Integers a, Integers b) { return _mm256_and_si256(a, b); }
inline Integers bitwise_or(Integers a, Integers b) { return _mm256_or_si256(a, b); }
template <int count>
inline Integers shift_left(Integers x) {
  return _mm256_slli_epi32(x, count);
}
template <int count>
inline Integers shift_right(Integers x) {
  return _mm256_srli_epi32(x, count);
}

inline Mask greater(Integers a, Integers b) { return _mm256_castsi256_ps(_mm256_cmpgt_epi32(a, b)); }
inline Mask greater_or_equal(Integers a, Integers b) { return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_max_epi32(a, b), a)); }
inline Mask is_nan(Floats x) { return _mm256_cmp_ps(x, x, _CMP_UNORD_Q); }
inline Mask both(Mask a, Mask b) { return _mm256_and_ps(a, b); }
/// a where the mask is set, else b.
inline Floats select(Mask mask, Floats a, Floats b) { return _mm256_blendv_ps(b, a, mask); }

inline Integers bits_of(Floats x) { return _mm256_castps_si256(x); }
inline Floats floats_of(Integers bits) { return _mm256_castsi256_ps(bits); }
inline Floats to_floats(Integers x) { return _mm256_cvtepi32_ps(x); }
/// To nearest, ties to even.
inline Integers to_integers(Floats x) { return _mm256_cvtps_epi32(x); }
/// x·2ⁿ for whole n in [-252, 254], in two steps because 2ⁿ itself may not be a float.
inline Floats scale_by_power_of_two(Floats x, Floats n) {
  const Integers exponent = _mm256_cvtps_epi32(n);
  const Integers half = _mm256_srai_epi32(exponent, 1);
  const Integers bias = spread(std::int32_t{127});
  const Floats first = floats_of(_mm256_slli_epi32(add(half, bias), 23));
  const Floats second = floats_of(_mm256_slli_epi32(add(subtract(exponent, half), bias), 23));
  return multiply(multiply(x, first), second);
}

/// table[index mod 16] in each lane.
inline Floats look_up(const float* table, Integers index) {
  const Floats low = _mm256_permutevar8x32_ps(_mm256_load_ps(table), index);
  const Floats high = _mm256_permutevar8x32_ps(_mm256_load_ps(table + 8), index);
  return _mm256_blendv_ps(low, high, floats_of(_mm256_slli_epi32(index, 28)));
}

inline float sum_of(Floats x) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline std::int32_t sum_of(Integers x) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}
inline float largest_of(Floats x) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
inline std::int32_t largest_of(Integers x) {
  const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

/// Eight bfloat16 numbers as floats.
inline Floats load_bfloat16(const void* from) {
  return floats_of(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(static_cast<const __m128i*>(from))), 16));
}
/// Eight float16 numbers as floats.
inline Floats load_halves(const void* from) { return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(from))); }
/// The low 16 bits of each lane.
inline void store_shorts(void* to, Integers x) {
  const Integers order =
      _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1);
  const Integers halves = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(x, order), 0x08);
  _mm_storeu_si128(static_cast<__m128i*>(to), _mm256_castsi256_si128(halves));
}
/// The low 8 bits of each lane.
inline void store_bytes(void* to, Integers x) {
  const Integers order = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1, -1, -1, -1, -1, -1,
                                          -1, -1, -1, -1, -1, -1);
  const Integers quads = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(x, order), _mm256_setr_epi32(0, 4, 1, 1, 1, 1, 1, 1));
  _mm_storel_epi64(static_cast<__m128i*>(to), _mm256_castsi256_si128(quads));
}
/// Sixteen bytes as pairs of signed 16-bit numbers.
inline Integers load_byte_pairs(const void* from) { return _mm256_cvtepi8_epi16(_mm_loadu_si128(static_cast<const __m128i*>(from))); }
/// Of 16-bit numbers: sums, differences, a·2ⁿ, and a·b / 2¹⁵ to nearest.
inline Integers add_shorts(Integers a, Integers b) { return _mm256_add_epi16(a, b); }
inline Integers subtract_shorts(Integers a, Integers b) { return _mm256_sub_epi16(a, b); }
template <int count>
inline Integers shift_shorts_left(Integers x) {
  return _mm256_slli_epi16(x, count);
}
inline Integers multiply_shorts_high(Integers a, Integers b) { return _mm256_mulhrs_epi16(a, b); }
/// a₀·b₀ + a₁·b₁ over pairs of bytes, a unsigned and b signed, as signed 16-bit numbers that saturate.
inline Integers multiply_byte_pairs(Integers a, Integers b) { return _mm256_maddubs_epi16(a, b); }
/// sum + a₀·b₀ + a₁·b₁ over pairs of signed 16-bit numbers.
inline Integers add_short_pairs(Integers sum, Integers a, Integers b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); }

/// Turns rows of an 8×8 matrix into its columns.
inline void transpose(Integers (&x)[width]) {
  Integers y[width];
  for (int i = 0; i < 8; i += 2) {
    y[i] = _mm256_unpacklo_epi32(x[i], x[i + 1]);
    y[i + 1] = _mm256_unpackhi_epi32(x[i], x[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    x[i] = _mm256_unpacklo_epi64(y[i], y[i + 2]);
    x[i + 1] = _mm256_unpackhi_epi64(y[i], y[i + 2]);
    x[i + 2] = _mm256_unpacklo_epi64(y[i + 1], y[i + 3]);
    x[i + 3] = _mm256_unpackhi_epi64(y[i + 1], y[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    y[i] = _mm256_permute2x128_si256(x[i], x[i + 4], 0x20);
    y[i + 4] = _mm256_permute2x128_si256(x[i], x[i + 4], 0x31);
  }
  for (int i = 0; i < 8; ++i) x[i] = y[i];
}

}  // namespace
}  // namespace accelerate::cpu

// Sixteen floats or integers of 32 bits in one AVX-512 register, with the operations that the kernels are written in.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace accelerate::cpu {
namespace {

using Floats = __m512;
using Integers = __m512i;
using Mask = __mmask16;

constexpr std::int64_t width = 16;
/// Rows of one register tile: with two registers of columns 16 accumulators, enough to hide the latency of a product.
constexpr int tile_rows = 8;

inline Mask first_lanes(std::int64_t count) { return static_cast<Mask>((1U << static_cast<unsigned>(count)) - 1U); }

inline Floats load(const float* from) { return _mm512_loadu_ps(from); }
/// The first `count` < width values, then zeros; reads nothing past them.
inline Floats load_first(const float* from, std::int64_t count) { return _mm512_maskz_loadu_ps(first_lanes(count), from); }
inline void store(float* to, Floats x) { _mm512_storeu_ps(to, x); }
inline void store_first(float* to, std::int64_t count, Floats x) { _mm512_mask_storeu_ps(to, first_lanes(count), x); }
inline Integers load_integers(const void* from) { return _mm512_loadu_si512(from); }
inline void store_integers(void* to, Integers x) { _mm512_storeu_si512(to, x); }

inline Floats spread(float value) { return _mm512_set1_ps(value); }
inline Integers spread(std::int32_t value) { return _mm512_set1_epi32(value); }
/// 0, 1, 2, …
inline Integers lane_numbers() { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }

inline Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
inline Floats subtract(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
inline Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
inline Floats divide(Floats a, Floats b) { return _mm512_div_ps(a, b); }
/// a·b + c
inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
/// c - a·b
inline Floats subtract_product(Floats a, Floats b, Floats c) { return _mm512_fnmadd_ps(a, b, c); }
/// The smaller; b when either is NaN.
inline Floats minimum(Floats a, Floats b) { return _mm512_min_ps(a, b); }
/// The larger; b when either is NaN.
inline Floats maximum(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats square_root(Floats x) { return _mm512_sqrt_ps(x); }
inline Floats magnitude(Floats x) { return _mm512_abs_ps(x); }
/// |x| with the sign of `sign`.
inline Floats with_sign(Floats x, Floats sign) {
  return _mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(spread(std::int32_t{0x7fffffff}), _mm512_castps_si512(x), _mm512_castps_si512(sign), 0xca));
}

inline Integers add(Integers a, Integers b) { return _mm512_add_epi32(a, b); }
inline Integers subtract(Integers a, Integers b) { return _mm512_sub_epi32(a, b); }
inline Integers maximum(Integers a, Integers b) { return _mm512_max_epi32(a, b); }
inline Integers minimum(Integers a, Integers b) { return _mm512_min_epi32(a, b); }
inline Integers multiply(Integers a, Integers b) { return _mm512_mullo_epi32(a, b); }
inline Integers bitwise_and(Integers a, Integers b) { return _mm512_and_si512(a, b); }
inline Integers bitwise_or(Integers a, Integers b) { return _mm512_or_si512(a, b); }
template <int count>
inline Integers shift_left(Integers x) {
  return _mm512_slli_epi32(x, count);
}
template <int count>
inline Integers shift_right(Integers x) {
  return _mm512_srli_epi32(x, count);
}

inline Mask greater(Integers a, Integers b) { return _mm512_cmpgt_epi32_mask(a, b); }
inline Mask greater_or_equal(Integers a, Integers b) { return _mm512_cmpge_epi32_mask(a, b); }
inline Mask is_nan(Floats x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q); }
inline Mask both(Mask a, Mask b) { return static_cast<Mask>(a & b); }
/// a where the mask is set, else b.
inline Floats select(Mask mask, Floats a, Floats b) { return _mm512_mask_blend_ps(mask, b, a); }

inline Integers bits_of(Floats x) { return _mm512_castps_si512(x); }
inline Floats floats_of(Integers bits) { return _mm512_castsi512_ps(bits); }
inline Floats to_floats(Integers x) { return _mm512_cvtepi32_ps(x); }
/// To nearest, ties to even.
inline Integers to_integers(Floats x) { return _mm512_cvtps_epi32(x); }
/// x·2ⁿ for whole n.
inline Floats scale_by_power_of_two(Floats x, Floats n) { return _mm512_scalef_ps(x, n); }

/// table[index mod 16] in each lane.
inline Floats look_up(const float* table, Integers index) { return _mm512_permutexvar_ps(index, _mm512_load_ps(table)); }

inline float sum_of(Floats x) { return _mm512_reduce_add_ps(x); }
inline std::int32_t sum_of(Integers x) { return _mm512_reduce_add_epi32(x); }
inline float largest_of(Floats x) { return _mm512_reduce_max_ps(x); }
inline std::int32_t largest_of(Integers x) { return _mm512_reduce_max_epi32(x); }

/// Sixteen bfloat16 numbers as floats.
inline Floats load_bfloat16(const void* from) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(from))), 16));
}
/// Sixteen float16 numbers as floats.
inline Floats load_halves(const void* from) { return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(from))); }
/// The low 16 bits of each lane.
inline void store_shorts(void* to, Integers x) { _mm256_storeu_si256(static_cast<__m256i*>(to), _mm512_cvtepi32_epi16(x)); }
/// The low 8 bits of each lane.
inline void store_bytes(void* to, Integers x) { _mm_storeu_si128(static_cast<__m128i*>(to), _mm512_cvtepi32_epi8(x)); }
/// Thirty-two bytes as pairs of signed 16-bit numbers.
inline Integers load_byte_pairs(const void* from) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256(static_cast<const __m256i*>(from))); }
/// Of 16-bit numbers: sums, differences, a·2ⁿ, and a·b / 2¹⁵ to nearest.
inline Integers add_shorts(Integers a, Integers b) { return _mm512_add_epi16(a, b); }
inline Integers subtract_shorts(Integers a, Integers b) { return _mm512_sub_epi16(a, b); }
template <int count>
inline Integers shift_shorts_left(Integers x) {
  return _mm512_slli_epi16(x, count);
}
inline Integers multiply_shorts_high(Integers a, Integers b) { return _mm512_mulhrs_epi16(a, b); }
/// a₀·b₀ + a₁·b₁ over pairs of bytes, a unsigned and b signed, as signed 16-bit numbers that saturate.
inline Integers multiply_byte_pairs(Integers a, Integers b) { return _mm512_maddubs_epi16(a, b); }
/// sum + a₀·b₀ + a₁·b₁ over pairs of signed 16-bit numbers.
inline Integers add_short_pairs(Integers sum, Integers a, Integers b) { return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b)); }

/// Turns rows of a 16×16 matrix into its columns.
inline void transpose(Integers (&x)[width]) {
  Integers y[width];
  for (int i = 0; i < 16; i += 2) {
    y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
    y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
    x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
    x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
    x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    const Integers low_even = _mm512_shuffle_i32x4(x[i], x[i + 4], 0x88);
    const Integers low_odd = _mm512_shuffle_i32x4(x[i], x[i + 4], 0xdd);
    const Integers high_even = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0x88);
    const Integers high_odd = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0xdd);
    y[i] = _mm512_shuffle_i32x4(low_even, high_even, 0x88);
    y[i + 8] = _mm512_shuffle_i32x4(low_even, high_even, 0xdd);
    y[i + 4] = _mm512_shuffle_i32x4(low_odd, high_odd, 0x88);
    y[i + 12] = _mm512_shuffle_i32x4(low_odd, high_odd, 0xdd);
  }
  for (int i = 0; i < 16; ++i) x[i] = y[i];
}

}  // namespace
}  // namespace accelerate::cpu

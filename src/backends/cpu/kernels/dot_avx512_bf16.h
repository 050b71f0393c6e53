// The products of AVX512_BF16 and AVX512_VNNI.
#pragma once

#include "backends/cpu/kernels/vector_avx512.h"

namespace accelerate::cpu {
namespace {

/// sum + a₀·b₀ + a₁·b₁ over pairs of bfloat16.
inline Floats add_bfloat16_pairs(Floats sum, Integers a, Integers b) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}

/// sum + a₀·b₀ + … + a₃·b₃ over quads of bytes, a unsigned and b signed.
inline Integers add_byte_quads(Integers sum, Integers a, Integers b) { return _mm512_dpbusd_epi32(sum, a, b); }

/// The nearest bfloat16 of each lane.
inline void store_bfloat16(void* to, Floats x) {
  _mm256_storeu_si256(static_cast<__m256i*>(to), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
}

}  // namespace
}  // namespace accelerate::cpu

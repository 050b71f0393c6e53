// Products of levels without instructions for bfloat16 and bytes: operands are stored small and widened in registers.
#pragma once

#include "backends/cpu/kernels/products.inl.h"

namespace accelerate::cpu {
namespace {

constexpr std::int64_t panel_columns = 2 * width;

/// Weights stored as bfloat16 and widened by a shift; activations rounded to bfloat16 and stored as floats.
struct Bfloat16Product {
  using Sum = Floats;
  using Operand = Floats;
  static constexpr std::int64_t group = 1;
  static constexpr std::int64_t column_bytes = 2;
  static constexpr bool quantised = false;

  static Sum zero() { return spread(0.0F); }
  static Operand weights(const std::byte* from) { return load_bfloat16(from); }
  static Operand activations(const std::byte* from) { return floats_of(spread_group(from)); }
  static Sum add_product(Sum sum, Operand activations, Operand weights) { return multiply_add(activations, weights, sum); }

  static void store_weights(std::byte* to, Floats x) { store_shorts(to, shift_right<16>(bits_of(round_to_bfloat16(x)))); }
  static void store_activations(std::byte* to, Floats x) { store(reinterpret_cast<float*>(to), round_to_bfloat16(x)); }
};

/// Pairs of bytes widened to 16 bits; activations stored as 16 bits. Multiplying bytes directly (VPMADDUBSW) would saturate.
struct Int8Product {
  using Sum = Integers;
  using Operand = Integers;
  static constexpr std::int64_t group = 2;
  static constexpr std::int64_t column_bytes = 2;
  static constexpr bool quantised = true;

  static Sum zero() { return spread(std::int32_t{0}); }
  static Operand weights(const std::byte* from) { return load_byte_pairs(from); }
  static Operand activations(const std::byte* from) { return spread_group(from); }
  static Sum add_product(Sum sum, Operand activations, Operand weights) { return add_short_pairs(sum, activations, weights); }

  static void store_weights(std::byte* to, Integers x) { store_bytes(to, x); }
  static void store_activations(std::byte* to, Integers x) { store_shorts(to, x); }
};

/// sum + a₀·b₀ + … + a₃·b₃ over quads of codes of so many bits and signed bytes. Two products of whole bytes would saturate, so
/// that bytes are taken in halves.
template <int bits>
inline Integers add_code_quads(Integers sum, Integers codes, Integers b) {
  const Integers ones = spread(std::int32_t{0x00010001});
  if constexpr (bits == 4) return add_short_pairs(sum, multiply_byte_pairs(codes, b), ones);
  const Integers low_bits = spread(std::int32_t{0x0f0f0f0f});
  const Integers low = multiply_byte_pairs(bitwise_and(codes, low_bits), b);
  const Integers high = multiply_byte_pairs(bitwise_and(shift_right<4>(codes), low_bits), b);
  return add_short_pairs(add_short_pairs(sum, low, ones), high, spread(std::int32_t{0x00100010}));
}

/// Attention's products at lower precision: widening would cost what it saves.
using AttentionProduct = Float32Product;

}  // namespace
}  // namespace accelerate::cpu

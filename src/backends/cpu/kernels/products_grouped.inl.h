// Products of levels that multiply pairs of bfloat16 or quads of bytes in one instruction: add_bfloat16_pairs() and
// add_byte_quads(), which the level's translation unit defines before it includes this file.
#pragma once

#include "backends/cpu/kernels/products.inl.h"

namespace accelerate::cpu {
namespace {

/// Two AVX-512 registers, and two AMX tiles side by side.
constexpr std::int64_t panel_columns = 32;

struct Bfloat16Product {
  using Sum = Floats;
  using Operand = Integers;
  static constexpr std::int64_t group = 2;
  static constexpr std::int64_t column_bytes = 4;
  static constexpr bool quantised = false;

  static Sum zero() { return spread(0.0F); }
  static Operand weights(const std::byte* from) { return load_integers(from); }
  static Operand activations(const std::byte* from) { return spread_group(from); }
  static Sum add_product(Sum sum, Operand activations, Operand weights) { return add_bfloat16_pairs(sum, activations, weights); }

  static void store_weights(std::byte* to, Floats x) { store_bfloat16(to, x); }
  static void store_activations(std::byte* to, Floats x) { store_bfloat16(to, x); }
  /// Pairs of consecutive inputs, first of each in the low half.
  static void store_pairs(std::byte* to, Floats first, Floats second) {
    store_integers(to, bitwise_or(shift_right<16>(bits_of(round_to_bfloat16(first))), bits_of(round_to_bfloat16(second))));
  }
};

/// Signed weights by unsigned activations.
struct Int8Product {
  using Sum = Integers;
  using Operand = Integers;
  static constexpr std::int64_t group = 4;
  static constexpr std::int64_t column_bytes = 4;
  static constexpr bool quantised = true;

  static Sum zero() { return spread(std::int32_t{0}); }
  static Operand weights(const std::byte* from) { return load_integers(from); }
  static Operand activations(const std::byte* from) { return spread_group(from); }
  static Sum add_product(Sum sum, Operand activations, Operand weights) { return add_byte_quads(sum, activations, weights); }

  static void store_weights(std::byte* to, Integers x) { store_bytes(to, x); }
  static void store_activations(std::byte* to, Integers x) { store_bytes(to, x); }
};

/// sum + a₀·b₀ + … + a₃·b₃ over quads of codes of so many bits and signed bytes.
template <int bits>
inline Integers add_code_quads(Integers sum, Integers codes, Integers b) {
  return add_byte_quads(sum, codes, b);
}

using AttentionProduct = Bfloat16Product;

}  // namespace
}  // namespace accelerate::cpu

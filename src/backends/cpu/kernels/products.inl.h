// What one step of a product consumes, as policies that packing, gemm and attention are written over. A step takes four
// bytes of a row of activations (its group of inputs) and `column_bytes` for each output of a panel.
#pragma once

#include "backends/cpu/kernels/functions.inl.h"

namespace accelerate::cpu {
namespace {

/// The nearest bfloat16, ties to even, as a float; a NaN stays one.
inline Floats round_to_bfloat16(Floats x) {
  const Integers bits = bits_of(x);
  const Integers odd = bitwise_and(shift_right<16>(bits), spread(std::int32_t{1}));
  const Integers rounded = add(bits, add(odd, spread(std::int32_t{0x7fff})));
  const Floats result = floats_of(bitwise_and(rounded, spread(static_cast<std::int32_t>(0xffff0000U))));
  return select(is_nan(x), spread(__builtin_nanf("")), result);
}

inline std::int32_t load_group(const std::byte* from) {
  std::int32_t group;
  __builtin_memcpy(&group, from, sizeof(group));
  return group;
}

/// The four bytes of a group in every lane.
inline Integers spread_group(const std::byte* from) { return spread(load_group(from)); }

/// Both operands as they are.
struct Float32Product {
  using Sum = Floats;
  using Operand = Floats;
  static constexpr std::int64_t group = 1;
  static constexpr std::int64_t column_bytes = 4;
  static constexpr bool quantised = false;

  static Sum zero() { return spread(0.0F); }
  static Operand weights(const std::byte* from) { return load(reinterpret_cast<const float*>(from)); }
  static Operand activations(const std::byte* from) { return floats_of(spread_group(from)); }
  static Sum add_product(Sum sum, Operand activations, Operand weights) { return multiply_add(activations, weights, sum); }

  static void store_weights(std::byte* to, Floats x) { store(reinterpret_cast<float*>(to), x); }
  static void store_activations(std::byte* to, Floats x) { store(reinterpret_cast<float*>(to), x); }
};

/// Bytes of one input in a row of activations.
template <class Product>
constexpr std::int64_t activation_bytes = 4 / Product::group;

/// Bytes of one input in a row of weights before it is packed.
template <class Product>
constexpr std::int64_t weight_bytes = Product::column_bytes / Product::group;

template <class Product>
inline std::int64_t steps_of(std::int64_t inputs) {
  return (inputs + Product::group - 1) / Product::group;
}

}  // namespace
}  // namespace accelerate::cpu

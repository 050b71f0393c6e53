#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace accelerate {

/// The arithmetic of the products that a model is made of. Sums are float32 (int32 for int8) and everything between the
/// products stays float32. A backend may round less than this says in attention, where its machine gains nothing by it. Weights
/// that a checkpoint stores as codes stay in their steps at int8 and int4, with activations as at int4.
enum class Precision : std::uint8_t {
  fp32,  ///< operands as they are
  fp16,  ///< both operands rounded to float16
  bf16,  ///< both operands rounded to bfloat16
  int8,  ///< weights in 254 equal steps per output row, around zero; activations in 255 steps per token, from its least to
         ///< its largest number; attention as in bf16
  int4,  ///< weights in 16 steps per 32 inputs of an output row (backends/four_bits.h), activations in 255 steps around zero
         ///< per 32 inputs of a token; many rows at once may take both in the steps of int8; attention as in bf16
};

/// "fp32", "fp16", "bf16", "int8" or "int4".
std::string_view name_of(Precision precision);

inline constexpr std::array all_precisions{Precision::fp32, Precision::fp16, Precision::bf16, Precision::int8, Precision::int4};

/// The precision of that name, or nothing.
std::optional<Precision> precision_named(std::string_view name);

}  // namespace accelerate

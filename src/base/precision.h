#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace accelerate {

/// The arithmetic of the products that a model is made of. Sums are float32 (int32 for int8) and everything between the
/// products stays float32.
enum class Precision : std::uint8_t {
  fp32,  ///< operands as they are
  bf16,  ///< both operands rounded to bfloat16
  int8,  ///< weights in 255 steps per output row, activations in 255 steps per token, both symmetric
};

/// "fp32", "bf16" or "int8".
std::string_view name_of(Precision precision);

/// The precision of that name, or nothing.
std::optional<Precision> precision_named(std::string_view name);

}  // namespace accelerate

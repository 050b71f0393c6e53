#pragma once

#include <cstdint>

namespace accelerate {

/// Functions of one number. Each form of GELU is its own value: no backend puts one in another's place.
enum class UnaryFunction : std::uint8_t {
  negate,
  absolute,
  exponential,
  logarithm,
  square_root,
  reciprocal_square_root,
  sine,
  cosine,
  tanh,
  sigmoid,
  erf,
  relu,
  gelu_erf,    ///< x·Φ(x), exact
  gelu_tanh,   ///< the tanh approximation, "gelu_new" and "gelu_pytorch_tanh"
  gelu_quick,  ///< x·sigmoid(1.702·x)
  silu,
};

/// Functions of two numbers; comparisons give booleans.
enum class BinaryFunction : std::uint8_t { add, subtract, multiply, divide, minimum, maximum, power, equal, not_equal, less, less_equal };

}  // namespace accelerate

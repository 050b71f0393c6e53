// Functions of one and two numbers, as backends/reference/functions.h defines them, in float32 and in whole numbers.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/functions.h"

namespace accelerate::cuda {

__host__ __device__ inline float sigmoid(float x) { return 1.0F / (1.0F + expf(-x)); }

template <UnaryFunction function>
__host__ __device__ float apply(float x) {
  if constexpr (function == UnaryFunction::negate) return -x;
  if constexpr (function == UnaryFunction::absolute) return fabsf(x);
  if constexpr (function == UnaryFunction::exponential) return expf(x);
  if constexpr (function == UnaryFunction::logarithm) return logf(x);
  if constexpr (function == UnaryFunction::square_root) return sqrtf(x);
  if constexpr (function == UnaryFunction::reciprocal_square_root) return 1.0F / sqrtf(x);
  if constexpr (function == UnaryFunction::sine) return sinf(x);
  if constexpr (function == UnaryFunction::cosine) return cosf(x);
  if constexpr (function == UnaryFunction::tanh) return tanhf(x);
  if constexpr (function == UnaryFunction::sigmoid) return sigmoid(x);
  if constexpr (function == UnaryFunction::erf) return erff(x);
  if constexpr (function == UnaryFunction::relu) return x < 0.0F ? 0.0F : x;
  if constexpr (function == UnaryFunction::gelu_erf) return 0.5F * x * (1.0F + erff(x * 0.70710678F));
  // (1 + tanh(u)) / 2 is sigmoid(2u).
  if constexpr (function == UnaryFunction::gelu_tanh) return x * sigmoid(1.5957691F * (x + 0.044715F * x * x * x));
  if constexpr (function == UnaryFunction::gelu_quick) return x * sigmoid(1.702F * x);
  if constexpr (function == UnaryFunction::silu) return x * sigmoid(x);
}

template <UnaryFunction function, int count>
__host__ __device__ void apply_each(float (&values)[count]) {
#pragma unroll
  for (int i = 0; i < count; ++i) values[i] = apply<function>(values[i]);
}

/// Every value becomes the function of it. The choice is made once for all of them.
template <int count>
__host__ __device__ void apply_to_all(UnaryFunction function, float (&values)[count]) {
  switch (function) {
    case UnaryFunction::negate:
      return apply_each<UnaryFunction::negate>(values);
    case UnaryFunction::absolute:
      return apply_each<UnaryFunction::absolute>(values);
    case UnaryFunction::exponential:
      return apply_each<UnaryFunction::exponential>(values);
    case UnaryFunction::logarithm:
      return apply_each<UnaryFunction::logarithm>(values);
    case UnaryFunction::square_root:
      return apply_each<UnaryFunction::square_root>(values);
    case UnaryFunction::reciprocal_square_root:
      return apply_each<UnaryFunction::reciprocal_square_root>(values);
    case UnaryFunction::sine:
      return apply_each<UnaryFunction::sine>(values);
    case UnaryFunction::cosine:
      return apply_each<UnaryFunction::cosine>(values);
    case UnaryFunction::tanh:
      return apply_each<UnaryFunction::tanh>(values);
    case UnaryFunction::sigmoid:
      return apply_each<UnaryFunction::sigmoid>(values);
    case UnaryFunction::erf:
      return apply_each<UnaryFunction::erf>(values);
    case UnaryFunction::relu:
      return apply_each<UnaryFunction::relu>(values);
    case UnaryFunction::gelu_erf:
      return apply_each<UnaryFunction::gelu_erf>(values);
    case UnaryFunction::gelu_tanh:
      return apply_each<UnaryFunction::gelu_tanh>(values);
    case UnaryFunction::gelu_quick:
      return apply_each<UnaryFunction::gelu_quick>(values);
    case UnaryFunction::silu:
      return apply_each<UnaryFunction::silu>(values);
  }
}

/// The larger of a and b, or NaN when either is.
__host__ __device__ inline float larger(float a, float b) { return a != a || a > b ? a : b; }

/// The smaller of a and b, or NaN when either is.
__host__ __device__ inline float smaller(float a, float b) { return a != a || a < b ? a : b; }

__host__ __device__ inline bool is_comparison(BinaryFunction function) { return function >= BinaryFunction::equal; }

/// Of arithmetic functions.
__host__ __device__ inline float apply(BinaryFunction function, float a, float b) {
  switch (function) {
    case BinaryFunction::add:
      return a + b;
    case BinaryFunction::subtract:
      return a - b;
    case BinaryFunction::multiply:
      return a * b;
    case BinaryFunction::divide:
      return a / b;
    case BinaryFunction::minimum:
      return smaller(a, b);
    case BinaryFunction::maximum:
      return larger(a, b);
    default:
      return powf(a, b);
  }
}

/// Of arithmetic functions but power; what wraps around at 64 bits does, and division by zero, for the caller to report,
/// gives 0.
__host__ __device__ inline std::int64_t apply(BinaryFunction function, std::int64_t a, std::int64_t b) {
  const auto unsigned_a = static_cast<std::uint64_t>(a);
  const auto unsigned_b = static_cast<std::uint64_t>(b);
  switch (function) {
    case BinaryFunction::add:
      return static_cast<std::int64_t>(unsigned_a + unsigned_b);
    case BinaryFunction::subtract:
      return static_cast<std::int64_t>(unsigned_a - unsigned_b);
    case BinaryFunction::multiply:
      return static_cast<std::int64_t>(unsigned_a * unsigned_b);
    case BinaryFunction::divide:
      if (b == 0) return 0;
      return b == -1 ? static_cast<std::int64_t>(0 - unsigned_a) : a / b;
    case BinaryFunction::minimum:
      return a < b ? a : b;
    default:
      return a < b ? b : a;
  }
}

/// Of comparisons.
template <class Number>
__host__ __device__ bool compare(BinaryFunction function, Number a, Number b) {
  switch (function) {
    case BinaryFunction::equal:
      return a == b;
    case BinaryFunction::not_equal:
      return a != b;
    case BinaryFunction::less:
      return a < b;
    default:
      return a <= b;
  }
}

/// x without its fraction; the nearest whole number where there are no 64 bits for it, 0 for NaN.
__host__ __device__ inline std::int64_t cut_towards_zero(float x) {
  if (x != x) return 0;
  if (x >= 9223372036854775808.0F) return INT64_MAX;
  if (x < -9223372036854775808.0F) return INT64_MIN;
  return static_cast<std::int64_t>(x);
}

}  // namespace accelerate::cuda

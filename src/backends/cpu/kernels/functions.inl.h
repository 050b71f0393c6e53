// Functions of vectors: exponentials, activations, and the loops that apply them. Errors against double arithmetic are a
// few units in the last place, for the GELUs at most 2e-7 absolute. A NaN gives a NaN.
#pragma once

#include "backends/cpu/kernels/coefficients.h"
#include "backends/cpu/kernels/scalar_functions.h"
#include "base/functions.h"

namespace accelerate::cpu {
namespace {

inline std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
inline std::int64_t larger(std::int64_t a, std::int64_t b) { return a > b ? a : b; }

inline Floats load_up_to(const float* from, std::int64_t count) {
  if (count >= width) return load(from);
  return count > 0 ? load_first(from, count) : spread(0.0F);
}

inline void store_up_to(float* to, std::int64_t count, Floats x) {
  if (count >= width) {
    store(to, x);
  } else if (count > 0) {
    store_first(to, count, x);
  }
}

inline Floats exponential(Floats x) {
  // Beyond these bounds the result is 0 or infinity whatever x is; a NaN passes as the second operand.
  x = minimum(spread(89.0F), maximum(spread(-105.0F), x));
  // Adding 1.5·2²³ leaves the nearest whole number in the low bits of the sum.
  const Floats rounder = spread(0x1.8p23F);
  const Floats n = subtract(multiply_add(x, spread(0x1.715476p+0F), rounder), rounder);
  // ln(2) in two parts, the first short enough that n times it is exact.
  Floats rest = subtract_product(n, spread(0x1.62e4p-1F), x);
  rest = subtract_product(n, spread(0x1.7f7d1cp-20F), rest);
  Floats sum = spread(exponential_coefficients[6]);
  for (int power = 5; power >= 0; --power) sum = multiply_add(sum, rest, spread(exponential_coefficients[power]));
  return scale_by_power_of_two(sum, n);
}

/// 2ˣ for x in [-126, 0]; below, something of at most 2⁻¹²⁶, and 0 for -∞.
inline Floats power_of_two(Floats x) {
  x = maximum(spread(-127.0F), x);
  const Floats rounder = spread(0x1.8p23F);
  const Floats rounded = add(x, rounder);
  const Floats rest = subtract(x, subtract(rounded, rounder));
  Floats sum = spread(power_of_two_coefficients[5]);
  for (int power = 4; power >= 0; --power) sum = multiply_add(sum, rest, spread(power_of_two_coefficients[power]));
  // The whole part is in the low bits of `rounded`: added to the exponent's place, it multiplies.
  return floats_of(add(bits_of(sum), shift_left<23>(bits_of(rounded))));
}

/// The polynomial's value at x ≥ 0; past its end, the value there.
template <int degree>
inline Floats evaluate(const PiecewisePolynomial<degree>& polynomial, Floats x) {
  x = minimum(spread(polynomial.end), x);
  const Floats rounder = spread(0x1.8p23F);
  const Floats rounded = multiply_add(x, spread(1.0F / polynomial.step), rounder);
  const Integers point = bits_of(rounded);
  const Floats rest = subtract_product(subtract(rounded, rounder), spread(polynomial.step), x);
  Floats sum = look_up(polynomial.coefficients[degree], point);
  for (int power = degree - 1; power >= 0; --power) sum = multiply_add(sum, rest, look_up(polynomial.coefficients[power], point));
  return sum;
}

inline Floats negated(Floats x) { return subtract(spread(-0.0F), x); }

inline Floats sigmoid(Floats x) { return divide(spread(1.0F), add(spread(1.0F), exponential(negated(x)))); }

inline Floats silu(Floats x) { return divide(x, add(spread(1.0F), exponential(negated(x)))); }

inline Floats tanh(Floats x) { return with_sign(evaluate(hyperbolic_tangent, magnitude(x)), x); }

/// x·Φ(x) = max(x, 0) - |x|·Φ(-|x|): the second term is small and smooth, so nothing cancels.
inline Floats gelu_erf(Floats x) { return subtract(maximum(spread(0.0F), x), evaluate(normal_tail, magnitude(x))); }

/// x·(1 + tanh(z))/2 = x·sigmoid(2z) with z = √(2/π)·(x + 0.044715·x³).
inline Floats gelu_tanh(Floats x) {
  const Floats cubic =
      multiply_add(multiply(multiply(x, x), spread(-2.0F * 0.7978845608F * 0.044715F)), x, multiply(x, spread(-2.0F * 0.7978845608F)));
  return divide(x, add(spread(1.0F), exponential(cubic)));
}

inline Floats gelu_quick(Floats x) { return divide(x, add(spread(1.0F), exponential(multiply(x, spread(-1.702F))))); }

/// `function` by the C library, number by number.
inline Floats by_scalars(UnaryFunction function, Floats x) {
  alignas(64) float values[width];
  store(values, x);
  apply_scalar_function(function, values, values, width);
  return load(values);
}

/// Calls body with `function` as something callable on Floats.
template <class Body>
inline void with_function(UnaryFunction function, const Body& body) {
  switch (function) {
    case UnaryFunction::negate:
      return body([](Floats x) { return negated(x); });
    case UnaryFunction::absolute:
      return body([](Floats x) { return magnitude(x); });
    case UnaryFunction::exponential:
      return body([](Floats x) { return exponential(x); });
    case UnaryFunction::square_root:
      return body([](Floats x) { return square_root(x); });
    case UnaryFunction::reciprocal_square_root:
      return body([](Floats x) { return divide(spread(1.0F), square_root(x)); });
    case UnaryFunction::tanh:
      return body([](Floats x) { return tanh(x); });
    case UnaryFunction::sigmoid:
      return body([](Floats x) { return sigmoid(x); });
    case UnaryFunction::erf:
      return body([](Floats x) { return with_sign(evaluate(error_function, magnitude(x)), x); });
    case UnaryFunction::relu:
      return body([](Floats x) { return maximum(spread(0.0F), x); });
    case UnaryFunction::gelu_erf:
      return body([](Floats x) { return gelu_erf(x); });
    case UnaryFunction::gelu_tanh:
      return body([](Floats x) { return gelu_tanh(x); });
    case UnaryFunction::gelu_quick:
      return body([](Floats x) { return gelu_quick(x); });
    case UnaryFunction::silu:
      return body([](Floats x) { return silu(x); });
    case UnaryFunction::logarithm:
    case UnaryFunction::sine:
    case UnaryFunction::cosine:
      return body([function](Floats x) { return by_scalars(function, x); });
  }
}

void unary(UnaryFunction function, const float* x, float* y, std::int64_t count) {
  with_function(function, [=](auto apply) {
    std::int64_t i = 0;
    for (; i + width <= count; i += width) store(y + i, apply(load(x + i)));
    if (i < count) store_first(y + i, count - i, apply(load_first(x + i, count - i)));
  });
}

template <class Apply>
inline void apply_binary(const float* a, const float* b, float* y, std::int64_t count, Apply apply) {
  std::int64_t i = 0;
  for (; i + width <= count; i += width) store(y + i, apply(load(a + i), load(b + i)));
  if (i < count) store_first(y + i, count - i, apply(load_first(a + i, count - i), load_first(b + i, count - i)));
}

/// `smaller_or_larger(a, b)`, or a NaN when either is one.
inline Floats keep_nan(Floats a, Floats result) { return select(is_nan(a), a, result); }

void binary(BinaryFunction function, const float* a, const float* b, float* y, std::int64_t count) {
  switch (function) {
    case BinaryFunction::add:
      return apply_binary(a, b, y, count, [](Floats p, Floats q) { return add(p, q); });
    case BinaryFunction::subtract:
      return apply_binary(a, b, y, count, [](Floats p, Floats q) { return subtract(p, q); });
    case BinaryFunction::multiply:
      return apply_binary(a, b, y, count, [](Floats p, Floats q) { return multiply(p, q); });
    case BinaryFunction::divide:
      return apply_binary(a, b, y, count, [](Floats p, Floats q) { return divide(p, q); });
    case BinaryFunction::minimum:
      return apply_binary(a, b, y, count, [](Floats p, Floats q) { return keep_nan(p, minimum(p, q)); });
    case BinaryFunction::maximum:
      return apply_binary(a, b, y, count, [](Floats p, Floats q) { return keep_nan(p, maximum(p, q)); });
    case BinaryFunction::power:
    case BinaryFunction::equal:
    case BinaryFunction::not_equal:
    case BinaryFunction::less:
    case BinaryFunction::less_equal:
      return;
  }
}

/// Softmax of each row, or its logarithm. A row whose largest value is -∞ has no softmax: it gives NaN, as x - max does.
void softmax(const float* x, float* y, std::int64_t rows, std::int64_t columns, bool logarithm) {
  for (std::int64_t row = 0; row < rows; ++row, x += columns, y += columns) {
    Floats largest = spread(-__builtin_inff());
    const std::int64_t whole = columns / width * width;
    for (std::int64_t i = 0; i < whole; i += width) largest = maximum(largest, load(x + i));
    float shift = largest_of(largest);
    for (std::int64_t i = whole; i < columns; ++i) shift = x[i] > shift ? x[i] : shift;

    Floats sums = spread(0.0F);
    for (std::int64_t i = 0; i < whole; i += width) {
      const Floats shifted = subtract(load(x + i), spread(shift));
      const Floats value = exponential(shifted);
      sums = add(sums, value);
      store(y + i, logarithm ? shifted : value);
    }
    if (whole < columns) {
      const std::int64_t rest = columns - whole;
      const Floats shifted = subtract(load_first(x + whole, rest), spread(shift));
      const Floats value = exponential(shifted);
      store_first(y + whole, rest, logarithm ? shifted : value);
      alignas(64) float values[width];
      store(values, value);
      sums = add(sums, load_first(values, rest));
    }

    float total = sum_of(sums);
    if (logarithm) apply_scalar_function(UnaryFunction::logarithm, &total, &total, 1);
    const Floats last = spread(logarithm ? total : 1.0F / total);
    for (std::int64_t i = 0; i < columns; i += width) {
      const Floats value = load_up_to(y + i, columns - i);
      store_up_to(y + i, columns - i, logarithm ? subtract(value, last) : multiply(value, last));
    }
  }
}

}  // namespace
}  // namespace accelerate::cpu

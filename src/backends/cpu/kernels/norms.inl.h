// Layer and root-mean-square normalisation of rows. The variance is taken in a second pass over the row, which the first
// one has left in the nearest cache: no cancellation.
#pragma once

#include "backends/cpu/kernels/functions.inl.h"
#include "backends/cpu/kernels/kernel_table.h"

namespace accelerate::cpu {
namespace {

/// Sum of transform(x) over the lanes that hold elements of the row.
template <class Transform>
inline float sum_of_row(const float* row, std::int64_t columns, Transform transform) {
  // Two sums, so that one addition need not wait for another.
  Floats even = spread(0.0F);
  Floats odd = spread(0.0F);
  std::int64_t i = 0;
  for (; i + 2 * width <= columns; i += 2 * width) {
    even = add(even, transform(load(row + i)));
    odd = add(odd, transform(load(row + i + width)));
  }
  float rest = 0.0F;
  for (; i < columns; i += width) {
    alignas(64) float values[width];
    store(values, transform(load_up_to(row + i, columns - i)));
    rest += sum_of(load_up_to(values, columns - i));
  }
  return sum_of(add(even, odd)) + rest;
}

/// The row to normalise: the input itself, or its sum with the residual, written where `sum` or else the output goes.
inline const float* row_with_residual(const NormArguments& arguments, std::int64_t row) {
  const float* input = arguments.input + row * arguments.input_stride;
  if (arguments.residual == nullptr && arguments.sum == nullptr) return input;
  const float* residual = arguments.residual == nullptr ? nullptr : arguments.residual + row * arguments.residual_stride;
  float* sum = arguments.sum != nullptr ? arguments.sum + row * arguments.sum_stride : arguments.output + row * arguments.output_stride;
  for (std::int64_t i = 0; i < arguments.columns; i += width) {
    const std::int64_t count = arguments.columns - i;
    const Floats added = residual == nullptr ? spread(0.0F) : load_up_to(residual + i, count);
    store_up_to(sum + i, count, add(load_up_to(input + i, count), added));
  }
  return sum;
}

/// Writes (x - mean)·factor·scale + bias.
inline void write_normalised(const NormArguments& arguments, const float* x, std::int64_t row, float mean, float factor) {
  float* output = arguments.output + row * arguments.output_stride;
  for (std::int64_t i = 0; i < arguments.columns; i += width) {
    const std::int64_t count = arguments.columns - i;
    Floats value = multiply(subtract(load_up_to(x + i, count), spread(mean)), spread(factor));
    const Floats bias = arguments.bias == nullptr ? spread(0.0F) : load_up_to(arguments.bias + i, count);
    value = arguments.scale == nullptr ? add(value, bias) : multiply_add(value, load_up_to(arguments.scale + i, count), bias);
    store_up_to(output + i, count, value);
  }
}

inline float reciprocal_root(float x) { return 1.0F / __builtin_sqrtf(x); }

void layer_norm(const NormArguments& arguments) {
  const auto columns = static_cast<float>(arguments.columns);
  for (std::int64_t row = 0; row < arguments.rows; ++row) {
    const float* x = row_with_residual(arguments, row);
    const float mean = sum_of_row(x, arguments.columns, [](Floats value) { return value; }) / columns;
    const float squares = sum_of_row(x, arguments.columns, [mean](Floats value) {
      const Floats centred = subtract(value, spread(mean));
      return multiply(centred, centred);
    });
    write_normalised(arguments, x, row, mean, reciprocal_root(squares / columns + arguments.epsilon));
  }
}

void rms_norm(const NormArguments& arguments) {
  const auto columns = static_cast<float>(arguments.columns);
  for (std::int64_t row = 0; row < arguments.rows; ++row) {
    const float* x = row_with_residual(arguments, row);
    const float squares = sum_of_row(x, arguments.columns, [](Floats value) { return multiply(value, value); });
    write_normalised(arguments, x, row, 0.0F, reciprocal_root(squares / columns + arguments.epsilon));
  }
}

}  // namespace
}  // namespace accelerate::cpu

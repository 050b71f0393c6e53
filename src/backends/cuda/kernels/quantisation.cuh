// Rows at int8, as backends/reference/operand.h defines activations.
#pragma once

#include <cmath>
#include <cstdint>

namespace accelerate::cuda {

/// How a row's numbers become codes: the least number is code -128, the largest 127, and one of them is zero exactly.
struct RowQuantiser {
  float scale;
  float zero;  ///< the step of the number 0, of 0…255

  __host__ __device__ std::int8_t code(float number) const {
    const float step = fminf(fmaxf(rintf(number / scale) + zero, 0.0F), 255.0F);
    return static_cast<std::int8_t>(static_cast<int>(step) - 128);
  }

  /// What to add to a code for the whole number that stands for its number.
  __host__ __device__ std::int32_t offset() const { return 128 - static_cast<std::int32_t>(zero); }
};

/// That of a row whose numbers and zero lie in [least, largest].
__host__ __device__ inline RowQuantiser row_quantiser(float least, float largest, bool is_finite) {
  if (!is_finite) return {NAN, 0.0F};
  // In double, where the difference of two floats has no end beyond its largest number.
  const auto scale = static_cast<float>((static_cast<double>(largest) - static_cast<double>(least)) / 255);
  if (scale == 0.0F) return {1.0F, 0.0F};
  return {scale, rintf(-least / scale)};
}

/// An int8 product: `sum` is that of codes by weight codes, `weight_sum` that of the weight codes alone.
__host__ __device__ inline float int8_product(std::int32_t sum, std::int32_t offset, std::int32_t weight_sum, float row_scale,
                                              float weight_scale) {
  const std::int64_t steps = sum + static_cast<std::int64_t>(offset) * weight_sum;
  return static_cast<float>(steps) * row_scale * weight_scale;
}

}  // namespace accelerate::cuda

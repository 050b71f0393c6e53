// How numbers become codes of four bits, the same on every backend: for each group of 32 the scale, of a few tried, with the
// least squared error.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace accelerate {

inline constexpr std::int64_t four_bit_group = 32;

/// The code of 0: codes are 0…15.
inline constexpr std::int32_t four_bit_zero = 8;

/// What the largest magnitude of a group is divided by for the scales that are tried. Its sign is the one that reaches -8.
[[maybe_unused]] constexpr std::array four_bit_divisors{6.8F, 7.2F, 7.5F, 7.75F, 8.0F, 8.3F, 8.6F, 9.0F, 9.5F};

/// Puts the codes of x, at most four_bit_group numbers, in `codes`, and returns the scale: x is about scale · (code - 8).
/// 0 where all are 0, NaN where one is not finite. Sums run in 16 lanes, which every implementation keeps.
float quantise_four_bits(std::span<const float> x, std::uint8_t* codes);

/// Puts scales, each divided by a power of two, in `halves` as float16, and returns that power of two, which is the least that
/// is not below their magnitudes; 0 where all are 0, NaN where one is not finite.
float halve_scales(std::span<const float> scales, std::uint16_t* halves);

}  // namespace accelerate

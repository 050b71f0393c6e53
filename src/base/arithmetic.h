#pragma once

#include <cstdint>

namespace accelerate {

/// Puts a·b into `product` and returns true, or returns false when it does not fit in 64 bits.
inline bool multiply_fits(std::int64_t a, std::int64_t b, std::int64_t& product) { return !__builtin_mul_overflow(a, b, &product); }

/// a / b rounded up, for a ≥ 0 and b > 0.
constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// a rounded up to a multiple of b, for a ≥ 0 and b > 0.
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) { return divide_up(a, b) * b; }

}  // namespace accelerate

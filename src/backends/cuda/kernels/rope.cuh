#pragma once

#include <cstdint>

namespace accelerate::cuda {

/// The numbers of a head that are turned together; a number that stays has no second.
struct TurnedPair {
  std::int64_t first;
  std::int64_t second;  ///< -1: there is none
};

/// Item `item` of the `size` - `pairs` that a head consists of: its pairs, then what lies behind them.
__host__ __device__ inline TurnedPair turned_pair(std::int64_t item, std::int64_t pairs, bool interleaved) {
  if (item >= pairs) return {pairs + item, -1};
  if (interleaved) return {2 * item, 2 * item + 1};
  return {item, item + pairs};
}

}  // namespace accelerate::cuda

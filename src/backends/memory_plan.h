// How the values of one call share one block of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace accelerate {

/// A block of memory that is needed from step `first` to step `last`, both included.
struct Lifetime {
  std::size_t bytes;
  std::int64_t first;
  std::int64_t last;
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  ///< one a lifetime, multiples of 64
  std::size_t bytes = 0;             ///< of the whole arena
};

/// Places blocks in one arena so that no two that live at the same time overlap, the largest first, each in the lowest
/// gap that holds it.
MemoryPlan plan_memory(std::span<const Lifetime> lifetimes);

}  // namespace accelerate

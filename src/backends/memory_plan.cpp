#include "backends/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace accelerate {
namespace {

std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes) {
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });

  MemoryPlan plan{.offsets = std::vector<std::size_t>(lifetimes.size(), 0), .bytes = 0};
  std::vector<std::size_t> placed;  // by rising offset
  for (std::size_t index : order) {
    const Lifetime& block = lifetimes[index];
    std::size_t offset = 0;
    for (std::size_t other : placed) {
      const bool together = lifetimes[other].first <= block.last && block.first <= lifetimes[other].last;
      if (!together) continue;
      if (offset + aligned(block.bytes) <= plan.offsets[other]) break;
      offset = std::max(offset, plan.offsets[other] + aligned(lifetimes[other].bytes));
    }
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, offset + aligned(block.bytes));
    placed.insert(std::ranges::upper_bound(placed, offset, {}, [&](std::size_t i) { return plan.offsets[i]; }), index);
  }
  return plan;
}

}  // namespace accelerate

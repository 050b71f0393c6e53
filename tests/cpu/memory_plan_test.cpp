// Blocks that live at the same time must not overlap, and memory is used again where they do not.
#include <gtest/gtest.h>

#include <random>

#include "backends/cpu/memory.h"
#include "backends/memory_plan.h"

namespace accelerate {
namespace {

TEST(MemoryPlan, NoTwoLivingBlocksOverlap) {
  std::mt19937 random(5);
  const auto below = [&](std::int64_t limit) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(limit)); };
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> blocks;
    for (std::int64_t i = 0; i < 1 + below(40); ++i) {
      const std::int64_t first = below(20);
      blocks.push_back({.bytes = static_cast<std::size_t>(1 + below(5000)), .first = first, .last = first + below(6)});
    }
    const MemoryPlan plan = plan_memory(blocks);
    for (std::size_t a = 0; a < blocks.size(); ++a) {
      EXPECT_EQ(plan.offsets[a] % 64, 0U);
      EXPECT_LE(plan.offsets[a] + blocks[a].bytes, plan.bytes);
      for (std::size_t b = a + 1; b < blocks.size(); ++b) {
        const bool together = blocks[a].first <= blocks[b].last && blocks[b].first <= blocks[a].last;
        const bool apart = plan.offsets[a] + blocks[a].bytes <= plan.offsets[b] || plan.offsets[b] + blocks[b].bytes <= plan.offsets[a];
        EXPECT_TRUE(!together || apart) << a << " and " << b;
      }
    }
  }
}

TEST(MemoryPlan, BlocksOfDifferentTimesShareMemory) {
  const std::vector<Lifetime> chain{{1024, 0, 1}, {1024, 1, 2}, {1024, 2, 3}, {1024, 3, 4}};
  EXPECT_EQ(plan_memory(chain).bytes, 2048U);
}

TEST(Buffer, IsZeroAndWritableFromEndToEnd) {
  for (std::size_t bytes : {std::size_t{1}, std::size_t{4096}, std::size_t{2} << 20, (std::size_t{5} << 20) + 17}) {
    const cpu::Buffer buffer(bytes);
    EXPECT_EQ(buffer.data()[0], std::byte{0});
    EXPECT_EQ(buffer.data()[bytes - 1], std::byte{0});
    buffer.data()[bytes - 1] = std::byte{1};
  }
}

}  // namespace
}  // namespace accelerate

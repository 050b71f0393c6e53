#include "runtime/batches.h"

#include <algorithm>
#include <numeric>

namespace accelerate {

std::vector<std::vector<std::size_t>> batches_by_length(std::span<const std::int64_t> lengths, std::int64_t token_budget) {
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return lengths[i]; });

  std::vector<std::vector<std::size_t>> batches;
  std::int64_t tokens = 0;
  for (std::size_t i : order) {
    if (batches.empty() || tokens + lengths[i] > token_budget) {
      batches.emplace_back();
      tokens = 0;
    }
    batches.back().push_back(i);
    tokens += lengths[i];
  }
  return batches;
}

}  // namespace accelerate

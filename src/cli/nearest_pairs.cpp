#include "cli/nearest_pairs.h"

#include <algorithm>

namespace accelerate::cli {

std::vector<NearPair> nearest_pairs(const Embeddings& embeddings, std::size_t count) {
  const auto nearer = [](const NearPair& a, const NearPair& b) { return a.cosine > b.cosine; };
  std::vector<NearPair> best;  // a heap whose front is the farthest of the pairs kept
  for (std::size_t second = 1; second < embeddings.tokens.size(); ++second) {
    for (std::size_t first = 0; first < second; ++first) {
      best.push_back({first, second, cosine(embeddings[first], embeddings[second])});
      std::ranges::push_heap(best, nearer);
      if (best.size() <= count) continue;
      std::ranges::pop_heap(best, nearer);
      best.pop_back();
    }
  }
  std::ranges::sort_heap(best, nearer);
  return best;
}

}  // namespace accelerate::cli

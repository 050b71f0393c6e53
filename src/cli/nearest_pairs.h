#pragma once

#include <cstddef>
#include <vector>

#include "tasks/embed.h"

namespace accelerate::cli {

/// Two texts and how alike they are.
struct NearPair {
  std::size_t first;
  std::size_t second;
  float cosine;
};

/// The `count` pairs with the largest cosine, largest first.
std::vector<NearPair> nearest_pairs(const Embeddings& embeddings, std::size_t count);

}  // namespace accelerate::cli

#include "backends/openvino/shares.h"

#include <algorithm>

namespace accelerate::openvino {
namespace {

/// Below this a worker's products are too thin to be worth a share of its own.
constexpr std::int64_t least_tokens = 128;
/// The largest share may be this much more than an even one.
constexpr double most_uneven = 1.1;

}  // namespace

std::vector<Piece> shares_of(std::span<const std::int64_t> begins, std::int64_t tokens, int workers) {
  const auto sequences = static_cast<std::int64_t>(begins.size()) - 1;
  if (workers < 2 || sequences < workers || tokens < least_tokens * workers) return {};
  std::vector<Piece> shares;
  std::int64_t last_worker = -1;
  std::int64_t largest = 0;
  for (std::int64_t i = 0; i < sequences; ++i) {
    const std::int64_t begin = begins[static_cast<std::size_t>(i)];
    const std::int64_t length = begins[static_cast<std::size_t>(i) + 1] - begin;
    const std::int64_t worker = std::min<std::int64_t>((2 * begin + length) * workers / (2 * tokens), workers - 1);  // by its middle
    if (worker != last_worker) shares.push_back({.first_sequence = i, .sequences = 0, .first_token = begin, .tokens = 0});
    last_worker = worker;
    ++shares.back().sequences;
    shares.back().tokens += length;
    largest = std::max(largest, shares.back().tokens);
  }
  const bool is_even = static_cast<double>(largest) * workers <= most_uneven * static_cast<double>(tokens);
  return is_even ? shares : std::vector<Piece>{};
}

}  // namespace accelerate::openvino

#include "generation/log_probabilities.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace accelerate {
namespace {

/// The logarithm of the sum of the logits' exponentials.
double log_total(std::span<const float> logits) {
  const float largest = std::ranges::max(logits);
  if (!(largest > -std::numeric_limits<float>::infinity())) return 0;
  double total = 0;
  for (const float logit : logits) total += std::exp(logit - largest);
  return largest + std::log(total);
}

}  // namespace

void to_log_probabilities(std::span<float> logits) {
  if (logits.empty()) return;
  const double total = log_total(logits);
  for (float& logit : logits) logit = static_cast<float>(logit - total);
}

TokenLogProbabilities log_probabilities(std::span<const float> logits, std::int64_t token, std::int64_t count) {
  const double total = log_total(logits);
  const auto of = [&](std::int64_t id) {
    return TokenLogProbability{.token = id, .log_probability = static_cast<float>(logits[static_cast<std::size_t>(id)] - total)};
  };
  const auto before = [&](std::int64_t a, std::int64_t b) {
    const float logit_a = logits[static_cast<std::size_t>(a)];
    const float logit_b = logits[static_cast<std::size_t>(b)];
    return logit_a != logit_b ? logit_a > logit_b : a < b;
  };
  // A list of the few best, worst last, costs one comparison for nearly every token.
  std::vector<std::int64_t> best;
  for (std::int64_t id = 0; count > 0 && id < std::ssize(logits); ++id) {
    if (std::ssize(best) == count && !before(id, best.back())) continue;
    if (std::ssize(best) == count) best.pop_back();
    best.insert(std::ranges::upper_bound(best, id, before), id);
  }
  TokenLogProbabilities result{.chosen = of(token), .top = {}};
  std::ranges::transform(best, std::back_inserter(result.top), of);
  return result;
}

}  // namespace accelerate

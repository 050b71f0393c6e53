#include "generation/candidates.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace accelerate {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

// A heap of so many values stays in the nearest cache; beyond, one pass that partitions all values is sooner done.
constexpr std::size_t largest_heap = 2048;

/// The `count`th largest of `values`; `never` where there are fewer.
float kth_largest(std::span<const float> values, std::size_t count) {
  if (count >= values.size()) return never;
  std::vector<float> largest(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
  if (count > largest_heap) {
    largest.assign(values.begin(), values.end());
    const auto kth = largest.begin() + static_cast<std::ptrdiff_t>(count) - 1;
    std::nth_element(largest.begin(), kth, largest.end(), std::greater<>());
    return *kth;
  }
  std::ranges::make_heap(largest, std::greater<>());
  for (const float value : values.subspan(count)) {
    if (!(value > largest.front())) continue;
    std::ranges::pop_heap(largest, std::greater<>());
    largest.back() = value;
    std::ranges::push_heap(largest, std::greater<>());
  }
  return largest.front();
}

/// Brings items into order from the first on, as far as they are asked for.
template <typename Item, typename Before>
class Ordered {
 public:
  Ordered(std::vector<Item>& items, Before before) : items_(items), before_(before) {}

  const Item& operator[](std::size_t index) {
    if (index >= ordered_) order(std::min(items_.size(), std::max(2 * ordered_, least_ordered)));
    return items_[index];
  }

 private:
  static constexpr std::size_t least_ordered = 64;

  void order(std::size_t end) {
    const auto from = items_.begin() + static_cast<std::ptrdiff_t>(ordered_);
    const auto to = items_.begin() + static_cast<std::ptrdiff_t>(end);
    if (to != items_.end()) std::nth_element(from, to, items_.end(), before_);
    std::sort(from, to, before_);
    ordered_ = end;
  }

  std::vector<Item>& items_;
  Before before_;
  std::size_t ordered_ = 0;
};

}  // namespace

Candidates::Candidates(std::span<float> logits, std::int64_t least_kept)
    : logits_(logits), least_kept_(static_cast<std::size_t>(least_kept)) {}

void Candidates::keep_top_k(std::int64_t count) {
  const float least = kth_largest(logits_, std::max(static_cast<std::size_t>(count), least_kept_));
  for (float& logit : logits_) {
    if (logit < least) logit = never;
  }
}

void Candidates::keep_top_p(double mass) {
  collect();
  if (candidates_.empty()) return;
  // Equal ones stand as a stable ascending sort leaves them, read from its end.
  const auto before = [](const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.token > b.token; };
  Ordered ordered(candidates_, before);
  const float largest = ordered[0].logit;
  double total = 0;
  for (const Candidate& candidate : candidates_) total += std::exp(candidate.logit - largest);
  double sum = 0;
  std::size_t kept = 0;
  while (kept < candidates_.size() && (sum < mass * total || kept < least_kept_)) sum += std::exp(ordered[kept++].logit - largest);
  keep_first(kept);
}

void Candidates::keep_min_p(double part) {
  collect();
  if (candidates_.empty()) return;
  const float largest = std::ranges::max(candidates_, {}, &Candidate::logit).logit;
  const auto fits = [&](const Candidate& candidate) { return std::exp(static_cast<double>(candidate.logit) - largest) >= part; };
  const auto rest = std::ranges::partition(candidates_, fits);
  std::size_t kept = candidates_.size() - rest.size();
  if (kept < least_kept_) {
    kept = std::min(least_kept_, candidates_.size());
    std::ranges::nth_element(candidates_, candidates_.begin() + static_cast<std::ptrdiff_t>(kept) - 1, std::greater<>(), &Candidate::logit);
  }
  keep_first(kept);
}

void Candidates::keep_typical(double mass) {
  collect();
  if (candidates_.empty()) return;
  const float largest = std::ranges::max(candidates_, {}, &Candidate::logit).logit;
  double total = 0;
  for (const Candidate& candidate : candidates_) total += std::exp(candidate.logit - largest);
  const double log_total = largest + std::log(total);
  double entropy = 0;
  for (const Candidate& candidate : candidates_) entropy += (log_total - candidate.logit) * std::exp(candidate.logit - largest) / total;

  const auto strangeness = [&](const Candidate& candidate) { return std::abs(log_total - candidate.logit - entropy); };
  const auto before = [&](const Candidate& a, const Candidate& b) {
    const double strange_a = strangeness(a);
    const double strange_b = strangeness(b);
    return strange_a != strange_b ? strange_a < strange_b : a.token < b.token;
  };
  Ordered ordered(candidates_, before);
  double sum = 0;
  std::size_t last = 0;
  for (; last + 1 < candidates_.size(); ++last) {
    sum += std::exp(ordered[last].logit - largest) / total;
    if (sum >= mass) break;
  }
  std::size_t kept = last + 1;
  const double limit = strangeness(ordered[last]);
  while (kept < candidates_.size() && (kept < least_kept_ || strangeness(ordered[kept]) <= limit)) ++kept;
  keep_first(kept);
}

void Candidates::collect() {
  if (collected_) return;
  collected_ = true;
  for (std::size_t token = 0; token < logits_.size(); ++token) {
    if (logits_[token] > never) candidates_.push_back({.logit = logits_[token], .token = static_cast<std::int32_t>(token)});
  }
}

void Candidates::keep_first(std::size_t count) {
  for (std::size_t i = count; i < candidates_.size(); ++i) logits_[static_cast<std::size_t>(candidates_[i].token)] = never;
  candidates_.resize(std::min(count, candidates_.size()));
}

}  // namespace accelerate

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace accelerate {

/// The tokens of a row of logits that may still be drawn. Each call rules out more, with transformers' meaning of the name,
/// by setting logits to minus infinity; of a large vocabulary only the part that matters is ordered.
class Candidates {
 public:
  /// `logits` [vocabulary] outlive this. At least `least_kept` tokens stay.
  Candidates(std::span<float> logits, std::int64_t least_kept);

  /// Keeps the `count` largest logits, and those equal to the least of them.
  void keep_top_k(std::int64_t count);

  /// Keeps the fewest of the most probable tokens whose probabilities sum to at least `mass`.
  void keep_top_p(double mass);

  /// Keeps tokens with at least `part` of the probability of the most probable one.
  void keep_min_p(double part);

  /// Keeps the fewest tokens whose probabilities sum to at least `mass`, those first whose surprise is nearest to the entropy.
  void keep_typical(double mass);

 private:
  struct Candidate {
    float logit;
    std::int32_t token;
  };

  void collect();
  void keep_first(std::size_t count);

  std::span<float> logits_;
  std::size_t least_kept_;
  bool collected_ = false;
  std::vector<Candidate> candidates_;
};

}  // namespace accelerate

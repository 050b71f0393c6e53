#pragma once

#include <cstdint>
#include <span>

#include "generation/logits.h"
#include "generation/random_stream.h"

namespace accelerate {

/// The token with the largest logit, the lowest of equal ones. Throws invalid_argument when no token is left.
std::int64_t most_probable(std::span<const float> logits);

/// The token that a random number in [0, 1) draws from the softmax of `logits` [vocabulary]. Throws invalid_argument when no
/// token is left.
std::int64_t draw(std::span<const float> logits, double random);

/// A chosen token, with log-probabilities where the settings ask for them.
struct NextToken {
  std::int64_t token;
  std::optional<TokenLogProbabilities> log_probabilities;
};

/// Chooses the token that follows `context`, which changes `logits`: the most probable one, or, with do_sample, the one that
/// the random number at the place of the token in the generated text draws.
NextToken next_token(const GenerationSettings& settings, const TokenContext& context, const RandomStream& random, std::span<float> logits,
                     TokenBits allowed = {});

}  // namespace accelerate

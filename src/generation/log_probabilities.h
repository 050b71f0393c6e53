#pragma once

#include <cstdint>
#include <span>

#include "ipfs_accelerate/generation.h"

namespace accelerate {

/// Turns `logits` [vocabulary] into the logarithms of their softmax. A row of minus infinities stays one.
void to_log_probabilities(std::span<float> logits);

/// The log-probability of `token` among `logits` [vocabulary], and the `count` most probable tokens with theirs; of equally
/// probable ones the lower id comes first.
TokenLogProbabilities log_probabilities(std::span<const float> logits, std::int64_t token, std::int64_t count);

}  // namespace accelerate

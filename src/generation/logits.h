// What is done to a row of logits before a token is chosen from it, in the order and with the meaning of transformers.
#pragma once

#include <cstdint>
#include <span>

#include "generation/settings.h"

namespace accelerate {

/// The tokens that a row of logits follows.
struct TokenContext {
  std::span<const std::int64_t> tokens;               ///< the prompt's, then those generated
  std::span<const std::int64_t> encoder_tokens = {};  ///< what an encoder read, where there is one
};

/// Which tokens may come next: bit t % 32 of word t / 32 for token t. Tokens beyond the last word may not.
using TokenBits = std::span<const std::uint32_t>;

/// Changes `logits` [vocabulary] as transformers' logits processors do, in their order; `allowed`, where it is not empty,
/// acts in the place of prefix_allowed_tokens_fn. The presence and frequency penalties are OpenAI's: they count generated
/// tokens alone and follow the repetition penalty, which counts the prompt too. A beam search gives log-probabilities.
void process_logits(const GenerationSettings& settings, const TokenContext& context, std::span<float> logits, TokenBits allowed = {});

/// Whether process_logits leaves every row as it is, so that it need not be called.
bool leaves_logits(const GenerationSettings& settings);

}  // namespace accelerate

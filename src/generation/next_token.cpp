#include "generation/next_token.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "generation/log_probabilities.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

// Sums are kept for blocks of tokens, so that only the block with the token is summed a second time.
constexpr std::size_t block = 1024;

float largest_of(std::span<const float> logits) {
  float largest = never;
  for (const float logit : logits) largest = logit > largest ? logit : largest;
  if (largest > never) return largest;
  throw Error(ErrorKind::invalid_argument, "no token is left to choose from: the options forbid every one, or all logits are NaN");
}

}  // namespace

std::int64_t most_probable(std::span<const float> logits) { return std::ranges::find(logits, largest_of(logits)) - logits.begin(); }

std::int64_t draw(std::span<const float> logits, double random) {
  const float largest = largest_of(logits);
  const auto weight = [largest](float logit) { return logit > never ? static_cast<double>(std::exp(logit - largest)) : 0.0; };
  std::vector<double> sums;
  double total = 0;
  for (std::size_t begin = 0; begin < logits.size(); begin += block) {
    double sum = 0;
    for (const float logit : logits.subspan(begin, std::min(block, logits.size() - begin))) sum += weight(logit);
    sums.push_back(sum);
    total += sum;
  }
  double left = random * total;
  std::size_t chosen = 0;
  while (chosen + 1 < sums.size() && left >= sums[chosen]) left -= sums[chosen++];
  // Rounding may carry the number past the last token with a weight, which is then the one.
  std::size_t token = logits.size();
  for (std::size_t i = chosen * block; i < logits.size(); ++i) {
    const double own = weight(logits[i]);
    if (own == 0) continue;
    token = i;
    if (left < own) break;
    left -= own;
  }
  return token < logits.size() ? static_cast<std::int64_t>(token) : most_probable(logits);
}

NextToken next_token(const GenerationSettings& settings, const TokenContext& context, const RandomStream& random, std::span<float> logits,
                     TokenBits allowed) {
  std::vector<float> raw;
  if (settings.logprobs) raw.assign(logits.begin(), logits.end());
  if (!leaves_logits(settings) || !allowed.empty()) process_logits(settings, context, logits, allowed);
  const std::int64_t place = std::ssize(context.tokens) - settings.prompt_tokens;
  const std::int64_t token = settings.do_sample ? draw(logits, random.uniform(static_cast<std::uint64_t>(place))) : most_probable(logits);
  NextToken result{.token = token, .log_probabilities = std::nullopt};
  if (settings.logprobs) result.log_probabilities = log_probabilities(raw, token, *settings.logprobs);
  return result;
}

}  // namespace accelerate

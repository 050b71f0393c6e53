#include "generation/logits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "generation/candidates.h"
#include "generation/fixtures.h"
#include "generation/log_probabilities.h"
#include "generation/next_token.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

/// The mask of a list of tokens.
std::vector<std::uint32_t> bits_of(const Json& tokens) {
  std::vector<std::uint32_t> bits(2);
  for (const Json& token : tokens) bits[token.get<std::size_t>() / 32] |= 1U << (token.get<std::size_t>() % 32);
  return bits;
}

std::vector<std::int64_t> ids_of(const Json& value) { return value.get<std::vector<std::int64_t>>(); }

TEST(Logits, AreProcessedAsTransformersDoes) {
  for (const Json& one : generation_fixture("logits.json")) {
    SCOPED_TRACE(one["name"].get<std::string>() + " " + one["options"].dump());
    std::vector<float> logits = floats_of(one["logits"]);
    const std::vector<float> expected = floats_of(one["expected"]);
    const std::vector<std::int64_t> tokens = ids_of(one["tokens"]);
    const std::vector<std::int64_t> encoder_tokens =
        one.contains("encoder_tokens") ? ids_of(one["encoder_tokens"]) : std::vector<std::int64_t>{};
    const std::vector<std::uint32_t> allowed = one.contains("allowed") ? bits_of(one["allowed"]) : std::vector<std::uint32_t>{};
    const GenerationSettings settings =
        resolve(options_of(one["options"]), {.prompt_tokens = one["prompt_tokens"].get<std::int64_t>(), .vocabulary = 40});
    const std::vector<float> before = logits;
    process_logits(settings, {.tokens = tokens, .encoder_tokens = encoder_tokens}, logits, allowed);
    for (std::size_t token = 0; token < logits.size(); ++token) {
      if (expected[token] == never) {
        EXPECT_EQ(logits[token], never) << "token " << token;
      } else {
        EXPECT_NEAR(logits[token], expected[token], 2e-6F * std::max(1.0F, std::abs(expected[token]))) << "token " << token;
      }
    }
    if (leaves_logits(settings) && allowed.empty()) {
      EXPECT_EQ(logits, before);
    }
  }
}

TEST(Logits, AreFilteredAlikeInALargeVocabulary) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(150'000);
  for (float& logit : logits) logit = normal(random);
  std::vector<float> sorted = logits;
  std::ranges::sort(sorted, std::greater<>());
  for (const std::int64_t count : {1, 50, 2000, 5000, 149'999}) {
    std::vector<float> filtered = logits;
    Candidates(filtered, 1).keep_top_k(count);
    const float least = sorted[static_cast<std::size_t>(count) - 1];
    for (std::size_t i = 0; i < logits.size(); ++i) ASSERT_EQ(filtered[i], logits[i] >= least ? logits[i] : never) << count;
  }
  double total = 0;
  for (const float logit : sorted) total += std::exp(logit - sorted.front());
  for (const double mass : {0.3, 0.95, 0.9999}) {
    std::vector<float> filtered = logits;
    Candidates(filtered, 1).keep_top_p(mass);
    double sum = 0;
    float least = sorted.front();
    for (const float logit : filtered) {
      if (logit == never) continue;
      sum += std::exp(logit - sorted.front());
      least = std::min(least, logit);
    }
    EXPECT_GE(sum, mass * total * (1 - 1e-9));
    EXPECT_LT(sum - std::exp(least - sorted.front()), mass * total) << "the last one was not needed";
  }
}

TEST(Logits, KeepEqualOnesOfTopK) {
  std::vector<float> logits{1, 5, 5, 5, 0};
  Candidates(logits, 1).keep_top_k(2);
  EXPECT_EQ(logits, (std::vector<float>{never, 5, 5, 5, never}));
}

TEST(Logits, ReplaceInvalidValuesWhereAsked) {
  GenerationSettings settings = resolve({.remove_invalid_values = true}, {.context_tokens = 10});
  std::vector<float> logits{std::nanf(""), -never, never, 2};
  process_logits(settings, {}, logits);
  EXPECT_EQ(logits, (std::vector<float>{0, std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest(), 2}));
}

TEST(Logits, AreForbiddenBeyondTheMask) {
  const std::vector<std::uint32_t> allowed{0b100};
  std::vector<float> logits(40, 1.0F);
  process_logits(resolve({}, {.context_tokens = 10}), {}, logits, allowed);
  for (std::size_t token = 0; token < logits.size(); ++token) EXPECT_EQ(logits[token], token == 2 ? 1.0F : never);
}

TEST(NextToken, IsTheLowestOfTheMostProbable) {
  EXPECT_EQ(most_probable(std::vector<float>{0, 3, 3, 1}), 1);
  expect_error(ErrorKind::invalid_argument, "no token is left", [] { most_probable(std::vector<float>{never, never}); });
  expect_error(ErrorKind::invalid_argument, "no token is left", [] { draw(std::vector<float>{never, never}, 0.5); });
}

TEST(NextToken, TellsLogProbabilitiesOfTheModel) {
  std::vector<float> logits{0, 1, 2, 1};
  const GenerationSettings settings =
      resolve({.suppress_tokens = std::vector<std::int64_t>{2}, .logprobs = 3}, {.context_tokens = 10, .vocabulary = 4});
  const NextToken next = next_token(settings, {}, RandomStream(0, 0), logits);
  EXPECT_EQ(next.token, 1);
  const double total = std::log(std::exp(0) + 2 * std::exp(1) + std::exp(2));
  ASSERT_TRUE(next.log_probabilities);
  EXPECT_NEAR(next.log_probabilities->chosen.log_probability, 1 - total, 1e-6);
  ASSERT_EQ(next.log_probabilities->top.size(), 3U);
  EXPECT_EQ(next.log_probabilities->top[0].token, 2);
  EXPECT_NEAR(next.log_probabilities->top[0].log_probability, 2 - total, 1e-6);
  EXPECT_EQ(next.log_probabilities->top[1].token, 1);
  EXPECT_EQ(next.log_probabilities->top[2].token, 3);
}

}  // namespace
}  // namespace accelerate

// Draws agree with the probabilities of transformers' processors.

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>

#include "generation/fixtures.h"
#include "generation/next_token.h"

namespace accelerate {
namespace {

constexpr int draws = 20'000;

/// Draws first tokens of as many requests as there are draws.
std::vector<int> counts_of(const Json& one, std::uint64_t seed) {
  const std::vector<std::int64_t> tokens = one["tokens"].get<std::vector<std::int64_t>>();
  const GenerationSettings settings =
      resolve(options_of(one["options"]), {.prompt_tokens = one["prompt_tokens"].get<std::int64_t>(), .vocabulary = 40});
  const std::vector<float> row = floats_of(one["logits"]);
  std::vector<int> counts(row.size());
  for (std::uint64_t request = 0; request < draws; ++request) {
    std::vector<float> logits = row;
    ++counts[static_cast<std::size_t>(next_token(settings, {.tokens = tokens}, RandomStream(seed, request), logits).token)];
  }
  return counts;
}

/// How far counts are from what probabilities let expect, in standard deviations of chi-square; tokens that are expected
/// less than five times count as one.
double strangeness(const std::vector<int>& counts, const std::vector<double>& probabilities) {
  double rare_count = 0;
  double rare_expected = 0;
  double chi_square = 0;
  int terms = 0;
  const auto add = [&](double count, double expected) {
    chi_square += (count - expected) * (count - expected) / expected;
    ++terms;
  };
  for (std::size_t token = 0; token < counts.size(); ++token) {
    const double expected = probabilities[token] * draws;
    if (expected >= 5) {
      add(counts[token], expected);
    } else {
      rare_count += counts[token];
      rare_expected += expected;
    }
  }
  if (rare_expected > 0) add(rare_count, rare_expected);
  const double degrees = terms - 1;
  return degrees == 0 ? 0 : (chi_square - degrees) / std::sqrt(2 * degrees);
}

std::map<std::string, Json> cases() {
  std::map<std::string, Json> cases;
  for (const Json& one : generation_fixture("logits.json")) cases.emplace(one["name"].get<std::string>(), one);
  return cases;
}

TEST(Sampling, AgreesWithTransformers) {
  const std::map<std::string, Json> all = cases();
  int tested = 0;
  for (const Json& expected : generation_fixture("sampling.json")) {
    const std::string name = expected["name"].get<std::string>();
    SCOPED_TRACE(name);
    const auto probabilities = expected["probabilities"].get<std::vector<double>>();
    const std::vector<int> counts = counts_of(all.at(name), 11);
    for (std::size_t token = 0; token < counts.size(); ++token) {
      if (probabilities[token] == 0) {
        EXPECT_EQ(counts[token], 0) << "token " << token;
      }
    }
    EXPECT_LT(strangeness(counts, probabilities), 4);
    ++tested;
  }
  EXPECT_GE(tested, 30);  // each control, and some together
}

TEST(Sampling, IsSeenToBeWrongWhereItIs) {
  const std::map<std::string, Json> all = cases();
  const std::vector<int> counts = counts_of(all.at("temperature_5_5"), 11);
  std::vector<double> probabilities;
  for (const int count : counts) probabilities.push_back(count * 1.0 / draws);
  EXPECT_LT(strangeness(counts, probabilities), 0);
  const auto largest = std::ranges::max_element(probabilities);
  *largest *= 0.9;
  EXPECT_GT(strangeness(counts, probabilities), 4) << "a change by a tenth of one probability";
}

TEST(Sampling, IsTheSameForASeedAndARequest) {
  const Json one = cases().at("many_5_5");
  EXPECT_EQ(counts_of(one, 5), counts_of(one, 5));
  EXPECT_NE(counts_of(one, 5), counts_of(one, 6));
}

TEST(Sampling, TakesTheTokenThatTheNumberFallsOn) {
  const std::vector<float> logits{std::log(0.5F), -std::numeric_limits<float>::infinity(), std::log(0.25F), std::log(0.25F)};
  EXPECT_EQ(draw(logits, 0), 0);
  EXPECT_EQ(draw(logits, 0.49), 0);
  EXPECT_EQ(draw(logits, 0.51), 2);
  EXPECT_EQ(draw(logits, 0.74), 2);
  EXPECT_EQ(draw(logits, 0.76), 3);
  EXPECT_EQ(draw(logits, 0x1.fffffffffffffp-1), 3);
}

TEST(Sampling, ReachesEveryBlockOfALargeVocabulary) {
  const std::vector<float> logits(5000, 0.0F);
  for (const std::int64_t token : {0, 1023, 1024, 2500, 4999}) EXPECT_EQ(draw(logits, (static_cast<double>(token) + 0.5) / 5000), token);
}

// The first known answers of the generator's authors.
TEST(RandomStream, IsPhilox) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(RandomStream, GivesNumbersBelowOne) {
  const RandomStream random(1, 2);
  double sum = 0;
  for (std::uint64_t place = 0; place < 1000; ++place) {
    const double number = random.uniform(place);
    ASSERT_TRUE(number >= 0 && number < 1);
    sum += number;
  }
  EXPECT_NEAR(sum / 1000, 0.5, 0.05);
  EXPECT_NE(random.uniform(0), RandomStream(1, 3).uniform(0));
}

}  // namespace
}  // namespace accelerate

#include "runtime/choice.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace accelerate {
namespace {

/// What the cases choose from: two backends, three precisions, and one that cannot run.
std::vector<Measurement> measurements() {
  return {
      {.candidate = {"cpu", "cpu", Precision::fp32, 4}, .latency = 10, .tokens_per_second = 4000, .memory_bytes = 400, .agreement = 1},
      {.candidate = {"cpu", "cpu", Precision::fp32, 2}, .latency = 9, .tokens_per_second = 2500, .memory_bytes = 390, .agreement = 1},
      {.candidate = {"cpu", "cpu", Precision::bf16, 4}, .latency = 6, .tokens_per_second = 7000, .memory_bytes = 200, .agreement = 0.999},
      {.candidate = {"cpu", "cpu", Precision::int8, 4}, .latency = 5, .tokens_per_second = 9000, .memory_bytes = 100, .agreement = 0.98},
      {.candidate = {"card", "card:0", Precision::fp32, 4},
       .latency = 12,
       .tokens_per_second = 9900,
       .memory_bytes = 900,
       .agreement = 0.999999},
      {.candidate = {"card", "card:1", Precision::fp32, 4}, .latency = 1, .tokens_per_second = 99999, .memory_bytes = 1, .agreement = 0.7},
      {.candidate = {"card", "card:0", Precision::bf16, 4}, .failure = "too little memory"},
  };
}

struct Case {
  const char* name;
  Wish wish;
  std::size_t chosen;
};

class Deciding : public testing::TestWithParam<Case> {};

TEST_P(Deciding, TakesTheBestThatIsAcceptable) {
  const std::vector<Measurement> rows = measurements();
  const auto decision = decide(rows, GetParam().wish);
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->chosen, GetParam().chosen);
  ASSERT_EQ(decision->alternatives.size(), rows.size() - 1);
  for (const RejectedCandidate& row : decision->alternatives) {
    EXPECT_NE(row.candidate, rows[decision->chosen].candidate);
    EXPECT_TRUE(!row.reason.empty() || row.larger.value_or(*row.slower) >= 1 / 1.02);
  }
}

INSTANTIATE_TEST_SUITE_P(Wishes, Deciding,
                         testing::Values(Case{"latency_in_float32", {Preference::latency}, 1},
                                         Case{"throughput_in_float32", {Preference::throughput}, 4},
                                         Case{"memory_in_float32", {Preference::memory}, 1},
                                         Case{"latency_with_a_high_floor", {Preference::latency, 0.995}, 2},
                                         Case{"latency_with_a_low_floor", {Preference::latency, 0.9}, 3},
                                         Case{"throughput_with_a_high_floor", {Preference::throughput, 0.995}, 4},
                                         Case{"memory_with_a_low_floor", {Preference::memory, 0.9}, 3},
                                         Case{"a_named_precision_is_taken_at_its_word", {Preference::latency, 1, true}, 5}),
                         [](const auto& test) { return test.param.name; });

TEST(Decide, SaysHowMuchSlowerAndWhyNot) {
  const Decision decision = decide(measurements(), {.preference = Preference::latency, .accuracy = 0.995}).value();
  const auto row = [&](const Candidate& candidate) {
    for (const RejectedCandidate& alternative : decision.alternatives)
      if (alternative.candidate == candidate) return alternative;
    return RejectedCandidate{};
  };
  EXPECT_DOUBLE_EQ(*row({"cpu", "cpu", Precision::fp32, 2}).slower, 1.5);
  EXPECT_EQ(row({"cpu", "cpu", Precision::fp32, 2}).reason, "");
  EXPECT_EQ(row({"cpu", "cpu", Precision::int8, 4}).reason, "its results agree with float32's to 0.98000, less than 0.995");
  EXPECT_EQ(row({"card", "card:0", Precision::bf16, 4}).reason, "too little memory");
  EXPECT_FALSE(row({"card", "card:0", Precision::bf16, 4}).slower);
  EXPECT_EQ(decision.alternatives.front().candidate, (Candidate{"cpu", "cpu", Precision::fp32, 2})) << "the best stands first";
  EXPECT_TRUE(decision.alternatives.back().reason == "too little memory") << "what cannot run stands last";
}

TEST(Decide, CountsThroughputAndMemoryInTheirOwnFigures) {
  const Decision fast = decide(measurements(), {.preference = Preference::throughput}).value();
  EXPECT_DOUBLE_EQ(*fast.alternatives.front().slower, 9900.0 / 4000);
  const Decision small = decide(measurements(), {.preference = Preference::memory}).value();
  EXPECT_DOUBLE_EQ(*small.alternatives.front().larger, 400.0 / 390);
  EXPECT_DOUBLE_EQ(*small.alternatives.front().slower, 10.0 / 9);
}

TEST(Decide, TakesTheFirstOfThoseThatAreEqual) {
  std::vector<Measurement> rows{{.candidate = {"a", "a"}, .latency = 1.015}, {.candidate = {"b", "b"}, .latency = 1}};
  EXPECT_EQ(decide(rows, {})->chosen, 0U);
  rows.front().latency = 1.03;
  EXPECT_EQ(decide(rows, {})->chosen, 1U);
}

TEST(Decide, TakesNothingWhereNothingMayBeTaken) {
  EXPECT_FALSE(decide({}, {}));
  const std::vector<Measurement> rows{{.candidate = {"a", "a"}, .failure = "no"},
                                      {.candidate = {"a", "a", Precision::int8}, .agreement = 0.5}};
  EXPECT_FALSE(decide(rows, {.accuracy = 0.9}));
}

TEST(Preferences, HaveNames) {
  for (Preference preference : {Preference::latency, Preference::throughput, Preference::memory})
    EXPECT_EQ(preference_named(name_of(preference)), preference);
  expect_error(ErrorKind::invalid_argument, "'speed': expected latency, throughput or memory", [] { preference_named("speed"); });
}

}  // namespace
}  // namespace accelerate

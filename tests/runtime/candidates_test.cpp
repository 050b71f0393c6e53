#include "runtime/candidates.h"

#include <gtest/gtest.h>

#include "runtime/fake_backend.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

std::vector<FakeSettings> usual() {
  return {{.name = "cpu"},
          {.name = "card",
           .usable = {{"card:0", "one"}, {"card:1", "two"}},
           .unusable = {{{"card:2", "three"}, "too old"}},
           .precisions = {Precision::fp32, Precision::fp16}},
          {.name = "absent", .usable = {}, .reason = "no driver", .precisions = {}},
          {.name = "reference"}};
}

std::vector<std::string> places_of(const ChoiceOptions& options, const std::vector<FakeSettings>& backends = usual()) {
  std::vector<std::string> names;
  for (const Place& place : find_candidates(options, fake_backends(backends)).places)
    names.push_back(place.device.name + " " + std::string(name_of(place.precision)));
  return names;
}

using Names = std::vector<std::string>;

TEST(Candidates, AreFloat32OnEveryDeviceUnlessLessIsAccepted) {
  EXPECT_EQ(places_of({}), (Names{"cpu fp32", "card:0 fp32", "card:1 fp32"}));
  EXPECT_EQ(places_of({.accuracy = 0.99}),
            (Names{"cpu fp32", "cpu bf16", "cpu int8", "card:0 fp32", "card:0 fp16", "card:1 fp32", "card:1 fp16"}));
}

TEST(Candidates, AreThoseThatTheCallerLeaves) {
  EXPECT_EQ(places_of({.backend = "card"}), (Names{"card:0 fp32", "card:1 fp32"}));
  EXPECT_EQ(places_of({.precision = "int8"}), (Names{"cpu int8"}));
  EXPECT_EQ(places_of({.precision = "fp16"}), (Names{"card:0 fp16", "card:1 fp16"}));
  EXPECT_EQ(places_of({.backend = "reference", .precision = "bf16"}), (Names{"cpu bf16"}));
}

TEST(Candidates, IncludeTheReferenceOnlyWhereNothingElseRuns) {
  EXPECT_EQ(places_of({}, {{.name = "absent", .usable = {}, .reason = "no driver"}, {.name = "reference"}}), (Names{"cpu fp32"}));
  expect_error(ErrorKind::unsupported, "backend card computes in fp32",
               [] { places_of({.precision = "bf16"}, {{.name = "card", .precisions = {Precision::fp32}}, {.name = "reference"}}); });
}

TEST(Candidates, AreASingleOneWhereNothingIsLeftOpen) {
  const auto single = [](const ChoiceOptions& options) { return find_candidates(options, fake_backends(usual())).single(); };
  EXPECT_TRUE(single({.backend = "cpu", .precision = "bf16"}));
  EXPECT_TRUE(single({.backend = "card", .precision = "fp32"})) << "the first device";
  EXPECT_TRUE(single({.backend = "cpu", .threads = 3}));
  EXPECT_FALSE(single({.threads = 3}));
  EXPECT_FALSE(single({.backend = "cpu", .threads = 3, .accuracy = 0.9}));
}

TEST(Candidates, SayWhatIsNotAmongThemAndWhy) {
  const Candidates found = find_candidates({}, fake_backends(usual()));
  ASSERT_EQ(found.excluded.size(), 3U);
  EXPECT_EQ(found.excluded[0].device, "card:2");
  EXPECT_EQ(found.excluded[0].reason, "too old");
  EXPECT_EQ(found.excluded[1].reason, "no driver");
  EXPECT_EQ(found.excluded[2].backend, "reference");
}

TEST(Candidates, RefuseWhatCannotBe) {
  expect_error(ErrorKind::unavailable, "backend 'absent' cannot run here: no driver", [] { places_of({.backend = "absent"}); });
  expect_error(ErrorKind::unavailable, "absent: no driver",
               [] { places_of({}, {{.name = "absent", .usable = {}, .reason = "no driver"}}); });
  expect_error(ErrorKind::invalid_argument, "backend 'gpu' is not one of cpu, card", [] { places_of({.backend = "gpu"}); });
  expect_error(ErrorKind::unsupported, "precision 'fp16': backend cpu", [] { places_of({.backend = "cpu", .precision = "fp16"}); });
  expect_error(ErrorKind::invalid_argument, "precision 'half'", [] { places_of({.precision = "half"}); });
  expect_error(ErrorKind::invalid_argument, "'speed'", [] { places_of({.prefer = "speed"}); });
  expect_error(ErrorKind::invalid_argument, "accuracy 2", [] { places_of({.accuracy = 2}); });
  expect_error(ErrorKind::invalid_argument, "goes with precision auto", [] { places_of({.precision = "int8", .accuracy = 0.9}); });
}

TEST(Candidates, KnowTheProcessorByItsName) {
  for (const char* name : {"cpu", "CPU", "openvino:CPU"}) EXPECT_TRUE(is_processor({.name = name, .description = ""})) << name;
  for (const char* name : {"cuda:0", "openvino:GPU.1", "cpu:gpu", ""})
    EXPECT_FALSE(is_processor({.name = name, .description = ""})) << name;
}

TEST(ThreadCounts, AreLogicalCoresWholeCoresAndHalves) {
  EXPECT_EQ(thread_counts(1, 1), (std::vector<int>{1}));
  EXPECT_EQ(thread_counts(2, 2), (std::vector<int>{2, 1}));
  EXPECT_EQ(thread_counts(12, 6), (std::vector<int>{12, 6, 3, 1}));
  EXPECT_EQ(thread_counts(8, 8), (std::vector<int>{8, 4, 2, 1}));
}

}  // namespace
}  // namespace accelerate

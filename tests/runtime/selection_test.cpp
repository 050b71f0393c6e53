// Calibrations with backends that are made up: what is measured, kept, read again and chosen.
#include "runtime/selection.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstdlib>

#include "base/cache_folder.h"
#include "base/file.h"
#include "runtime/agreement.h"
#include "runtime/calibration_file.h"
#include "runtime/fake_backend.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

/// Backends whose choice is clear: `slow` takes 15 times as long as `fast`.
struct Fixture {
  std::shared_ptr<std::atomic<int>> compiles = std::make_shared<std::atomic<int>>(0);
  FakeSettings slow{
      .name = "slow", .milliseconds = {{Precision::fp32, 60}, {Precision::bf16, 60}, {Precision::int8, 60}}, .compiles = compiles};
  FakeSettings fast{.name = "fast",
                    .usable = {{"card", "made up"}},
                    .milliseconds = {{Precision::fp32, 4}, {Precision::bf16, 30}, {Precision::int8, 0}},
                    .errors = {{Precision::bf16, 0.01F}, {Precision::int8, 0.5F}},
                    .compiles = compiles};
  TemporaryFolder folder;

  Selection select(const ChoiceOptions& options, float weight = 1) const {
    const Graph graph = text_graph(weight);
    const Candidates candidates = find_candidates(options, fake_backends({slow, fast}));
    return accelerate::select({.graph = graph, .vocabulary = 100, .most_tokens = 64}, candidates,
                              {.model = "made up", .folder = folder.path() / "kept", .calibration = {.seconds = 0.01}});
  }

  fs::path kept_file() const {
    for (const auto& entry : fs::directory_iterator(folder.path() / "kept"))
      if (entry.path().extension() == ".json") return entry.path();
    return {};
  }
};

TEST(Selection, MeasuresOnceAndKeepsIt) {
  const Fixture fixture;
  const Selection first = fixture.select({.threads = 1});
  EXPECT_EQ(first.backend->name(), "fast");
  EXPECT_EQ(first.device.name, "card");
  EXPECT_EQ(first.choice.why, Reason::measured);
  ASSERT_EQ(first.choice.alternatives.size(), 1U);
  EXPECT_EQ(first.choice.alternatives.front().candidate.backend, "slow");
  EXPECT_GT(*first.choice.alternatives.front().slower, 2);
  const int compiles = *fixture.compiles;
  EXPECT_EQ(compiles, 2);

  const Selection second = fixture.select({.threads = 1, .prefer = "throughput"});
  EXPECT_EQ(second.backend->name(), "fast");
  EXPECT_EQ(second.choice.preference, Preference::throughput);
  EXPECT_EQ(*fixture.compiles, compiles) << "every wish is answered by the same measurements";
}

TEST(Selection, MeasuresAnewForAnotherModelOrOtherCandidates) {
  const Fixture fixture;
  fixture.select({.threads = 1});
  fixture.select({.threads = 1}, 2);
  EXPECT_EQ(*fixture.compiles, 4) << "a weight is another";
  fixture.select({.threads = 2});
  EXPECT_GE(*fixture.compiles, 6) << "another number of threads";
}

TEST(Selection, MeasuresNothingWhereNothingIsOpen) {
  const Fixture fixture;
  const Selection fixed = fixture.select({.backend = "slow", .precision = "bf16"});
  EXPECT_EQ(fixed.backend->name(), "slow");
  EXPECT_EQ(fixed.precision, Precision::bf16);
  EXPECT_EQ(fixed.choice.why, Reason::fixed);
  const Selection only = fixture.select({.backend = "fast", .threads = 3});
  EXPECT_EQ(only.threads, 3);
  EXPECT_EQ(only.choice.why, Reason::only);
  EXPECT_EQ(*fixture.compiles, 0);
  EXPECT_FALSE(fs::exists(fixture.folder.path() / "kept"));
}

TEST(Selection, TakesAPrecisionOnlyWhereItsResultsAgree) {
  const Fixture fixture;
  EXPECT_EQ(fixture.select({.threads = 1, .accuracy = 0.999}).precision, Precision::fp32);
  const Selection coarse = fixture.select({.threads = 1, .accuracy = 0.5});
  EXPECT_EQ(coarse.precision, Precision::int8);
  const Selection middle = fixture.select({.threads = 1, .accuracy = 0.99});
  EXPECT_NE(middle.precision, Precision::int8);
  bool refused = false;
  for (const RejectedCandidate& row : middle.choice.alternatives)
    refused = refused || (row.candidate.precision == Precision::int8 && row.reason.starts_with("its results agree"));
  EXPECT_TRUE(refused);
}

TEST(Selection, GoesOnWhereACandidateFails) {
  Fixture fixture;
  fixture.fast.failures = {{Precision::fp32, ErrorKind::out_of_memory}};
  const Selection selection = fixture.select({.threads = 1});
  EXPECT_EQ(selection.backend->name(), "slow");
  EXPECT_EQ(selection.choice.alternatives.at(0).reason, "fast cannot");
  EXPECT_FALSE(selection.choice.alternatives.at(0).slower);
}

TEST(Selection, FailsWhereAllDoAndWhereTheCallerIsWrong) {
  Fixture fixture;
  fixture.fast.failures = {{Precision::fp32, ErrorKind::out_of_memory}};
  fixture.slow.failures = {{Precision::fp32, ErrorKind::unsupported}};
  expect_error(ErrorKind::unsupported, "slow cannot", [&] { fixture.select({.threads = 1}); });
  fixture.slow.failures = {{Precision::fp32, ErrorKind::invalid_argument}};
  expect_error(ErrorKind::invalid_argument, "slow cannot", [&] { fixture.select({.threads = 1}); });
}

TEST(Selection, MeasuresAnewWhatIsDamagedOrForeign) {
  const Fixture fixture;
  fixture.select({.threads = 1});
  const std::string text = read_text_file(fixture.kept_file(), 1 << 20);
  std::string foreign = text;
  foreign.replace(foreign.find("\"key\": \"") + 8, 4, "none");
  int compiles = *fixture.compiles;
  for (const std::string& broken : {std::string(), text.substr(0, text.size() / 2), std::string("[]"), foreign}) {
    std::ofstream(fixture.kept_file(), std::ios::trunc) << broken;
    EXPECT_EQ(fixture.select({.threads = 1}).backend->name(), "fast");
    EXPECT_EQ(*fixture.compiles, compiles + 2) << broken;
    compiles = *fixture.compiles;
    EXPECT_NO_THROW(parse_calibration(read_text_file(fixture.kept_file(), 1 << 20), "kept")) << "the file is whole again";
  }
}

TEST(Selection, WorksWithoutAFolderToWriteTo) {
  const Fixture fixture;
  fixture.folder.write("kept", "a file where a folder should be");
  const Selection selection = fixture.select({.threads = 1});
  EXPECT_EQ(selection.backend->name(), "fast");
  EXPECT_NE(selection.choice.note.find("the calibration is not kept"), std::string::npos) << selection.choice.note;
}

TEST(Selection, TakesTheFirstWayOfAModelWhoseInputsCannotBeMadeUp) {
  const Fixture fixture;
  Graph graph = text_graph();
  graph.input("pixel_values", DType::float32, {Dim::named("images"), 3});
  const Candidates candidates = find_candidates({.threads = 1}, fake_backends({fixture.slow, fixture.fast}));
  const Selection selection = select({.graph = graph}, candidates, {});
  EXPECT_EQ(selection.backend->name(), "slow");
  EXPECT_NE(selection.choice.note.find("'pixel_values'"), std::string::npos);
}

TEST(CalibrationFile, GivesBackWhatWasWritten) {
  const StoredCalibration stored{
      .key = "00ff",
      .model = "a \"model\"",
      .machine = "Example 9000",
      .calibration = {.measured = "2026-11-21T12:00:00Z",
                      .latency_tokens = 32,
                      .throughput_tokens = 1024,
                      .others_use = 0.25,
                      .measurements = {{.candidate = {"cpu", "cpu", Precision::bf16, 4},
                                        .load_milliseconds = 1.5,
                                        .latency = 2.25,
                                        .tokens_per_second = 1e6,
                                        .memory_bytes = std::int64_t{1} << 40,
                                        .agreement = 0.999},
                                       {.candidate = {"card", "card:0", Precision::fp32, 1}, .failure = "out of memory"}}}};
  const StoredCalibration read = parse_calibration(text_of(stored), "file");
  EXPECT_EQ(text_of(read), text_of(stored));
  EXPECT_EQ(read.calibration.measurements.at(0).candidate, stored.calibration.measurements.at(0).candidate);
  EXPECT_EQ(read.calibration.measurements.at(1).failure, "out of memory");
}

TEST(Calibration, IsDoubtfulOnABusyMachine) {
  EXPECT_EQ(doubt_about({.measured = "", .others_use = 0.1, .measurements = {}}), "");
  EXPECT_NE(doubt_about({.measured = "", .others_use = 0.5, .measurements = {}}).find("used 50 %"), std::string::npos);
}

TEST(Agreement, IsTheLeastOverRowsAndCountsLengths) {
  const auto rows = [](float first, float second) {
    std::vector<float> values(64, 1);
    for (std::size_t i = 0; i < 32; ++i) values[i] = first;
    for (std::size_t i = 32; i < 64; ++i) values[i] = second;
    return TensorMap{{"x", Tensor::from<float>(values, {2, 32})}};
  };
  const TensorMap ones = rows(1, 1);
  EXPECT_EQ(agreement(ones, ones), 1);
  EXPECT_NEAR(agreement(rows(1, 1.1F), ones), 1 - 0.01 / 2, 1e-6);
  EXPECT_EQ(agreement(rows(1, -1), ones), 0);
  EXPECT_EQ(agreement(rows(1, NAN), ones), 0);
  EXPECT_EQ(agreement({}, ones), 0);
}

TEST(CacheFolder, IsTheFirstAbsolutePathOfThree) {
  const auto with = [](const char* own, const char* shared, const char* home) {
    ::setenv("ACCELERATE_CACHE", own, 1);
    ::setenv("XDG_CACHE_HOME", shared, 1);
    ::setenv("HOME", home, 1);
    return cache_folder().string();
  };
  EXPECT_EQ(with("/a", "/b", "/c"), "/a");
  EXPECT_EQ(with("", "/b", "/c"), "/b/ipfs-accelerate");
  EXPECT_EQ(with("relative", "relative", "/c"), "/c/.cache/ipfs-accelerate");
  EXPECT_EQ(with("", "", ""), "");
}

}  // namespace
}  // namespace accelerate

// What the backend makes of graphs, on a device in host memory: answers step by step, recorded and launched again; inputs
// that do not fit; several callers at once.
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "cuda/fake_backend.h"
#include "ipfs_accelerate/error.h"
#include "ops/cases.h"
#include "ops/compare.h"

namespace accelerate::cuda {
namespace {

double tolerance_of(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return fp32_tolerance;
    case Precision::fp16:
      return 3e-3;
    case Precision::bf16:
      return 2e-2;
    case Precision::int8:
      return 3e-2;
    case Precision::int4:
      break;  // not among the backend's precisions
  }
  return 0;
}

std::string name_of_precision(const testing::TestParamInfo<Precision>& test) { return std::string(name_of(test.param)); }

class Precisions : public testing::TestWithParam<Precision> {};
INSTANTIATE_TEST_SUITE_P(All, Precisions, testing::Values(Precision::fp32, Precision::fp16, Precision::bf16, Precision::int8),
                         name_of_precision);

TEST_P(Precisions, AnEncoderAgreesWithTheReferenceEachTimeItRuns) {
  CaseBuilder b = encoder();
  const TensorMap expected = run_on_reference(b.graph(), b.inputs(), GetParam());
  const FakeBackend fake;
  const auto executable = fake.compile(b.graph(), GetParam());
  TensorMap first;
  for (int run = 0; run < 4; ++run) {
    const TensorMap outputs = executable->run(b.inputs());
    EXPECT_EQ(difference_between(expected, outputs, tolerance_of(GetParam())), "") << run;
    if (run == 0) first = outputs;
    EXPECT_EQ(difference_between(first, outputs, 0), "") << run;
  }
}

TEST_P(Precisions, ProductsWithoutTheLibraryAgree) {
  if (GetParam() == Precision::int8) return;  // has no other way; see ProductsAtInt8NeedTheLibrary
  CaseBuilder b = encoder();
  const FakeBackend fake;
  fake.state->refuse_products = true;
  EXPECT_EQ(difference_between(run_on_reference(b.graph(), b.inputs(), GetParam()), fake.compile(b.graph(), GetParam())->run(b.inputs()),
                               tolerance_of(GetParam())),
            "");
}

TEST(CudaExecutable, ProductsAtInt8NeedTheLibrary) {
  CaseBuilder b = encoder();
  const FakeBackend fake;
  fake.state->refuse_products = true;
  const auto executable = fake.compile(b.graph(), Precision::int8);
  try {
    executable->run(b.inputs());
    FAIL() << "ran";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported) << error.what();
  }
}

TEST(CudaExecutable, AShapeIsRecordedTheSecondTimeAndLaunchedAsOneFromThenOn) {
  CaseBuilder b = encoder();
  const FakeBackend fake;
  const auto executable = fake.compile(b.graph());
  executable->run(b.inputs());
  const int of_one_run = fake.state->calls["kernel"] + fake.state->calls["product"];
  EXPECT_GT(of_one_run, 10);
  EXPECT_EQ(fake.state->calls["begin_capture"], 0);
  for (int run = 0; run < 5; ++run) executable->run(b.inputs());
  EXPECT_EQ(fake.state->calls["begin_capture"], 1);
  EXPECT_EQ(fake.state->calls["launch"], 5);
  EXPECT_EQ(fake.state->calls["kernel"] + fake.state->calls["product"], 2 * of_one_run);
}

TEST(CudaExecutable, RecordingsBelongToTheirSizes) {
  CaseBuilder small = encoder(5);
  CaseBuilder large = encoder(9);
  const FakeBackend fake;
  const auto executable = fake.compile(small.graph());
  const TensorMap of_small = run_on_reference(small.graph(), small.inputs());
  const TensorMap of_large = run_on_reference(small.graph(), large.inputs());
  for (int run = 0; run < 3; ++run) {
    EXPECT_EQ(difference_between(of_small, executable->run(small.inputs()), fp32_tolerance), "") << run;
    EXPECT_EQ(difference_between(of_large, executable->run(large.inputs()), fp32_tolerance), "") << run;
  }
  EXPECT_GT(fake.state->calls["launch"], 0);
}

TEST(CudaExecutable, ARecordingServesOtherSequencesOfTheSameSizes) {
  CaseBuilder b = encoder();
  const FakeBackend fake;
  const auto executable = fake.compile(b.graph());
  TensorMap inputs = b.inputs();
  for (const std::array<std::int64_t, 4> begins : {std::array<std::int64_t, 4>{0, 5, 6, 9}, {0, 1, 8, 9}, {0, 3, 6, 9}, {0, 7, 8, 9}}) {
    inputs["sequences"] = Tensor::from<std::int64_t>(begins, {4});
    EXPECT_EQ(difference_between(run_on_reference(b.graph(), inputs), executable->run(inputs), fp32_tolerance), "") << begins[1];
  }
  EXPECT_GE(fake.state->calls["launch"], 3);
}

TEST(CudaExecutable, RunsStepByStepWhereNothingCanBeRecorded) {
  CaseBuilder b = encoder();
  const FakeBackend fake;
  fake.state->refuse_capture = true;
  const auto executable = fake.compile(b.graph());
  const TensorMap expected = run_on_reference(b.graph(), b.inputs());
  for (int run = 0; run < 4; ++run) EXPECT_EQ(difference_between(expected, executable->run(b.inputs()), fp32_tolerance), "") << run;
  EXPECT_EQ(fake.state->calls["begin_capture"], 1) << "asked once for each shape";
  EXPECT_EQ(fake.state->calls["launch"], 0);
}

TEST(CudaExecutable, CallersAtOnceGetTheirOwnAnswers) {
  const FakeBackend fake;
  std::vector<CaseBuilder> builders;
  std::vector<TensorMap> expected;
  for (std::int64_t length : {2, 5, 8, 11}) {
    builders.push_back(encoder(length));
    expected.push_back(run_on_reference(builders.front().graph(), builders.back().inputs()));
  }
  const auto executable = fake.compile(builders.front().graph());
  std::vector<std::string> differences(builders.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < builders.size(); ++i)
    threads.emplace_back([&, i] {
      for (int run = 0; run < 6; ++run)
        differences[i] += difference_between(expected[i], executable->run(builders[i].inputs()), fp32_tolerance);
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& difference : differences) EXPECT_EQ(difference, "");
  EXPECT_LE(fake.state->streams.size(), 2U) << "as many contexts as calls may run at once";
}

TEST(CudaExecutable, LargeOutputsOutliveTheirExecutable) {
  CaseBuilder b(3);
  const Value x = b.floats("x", {b.size("tokens", 700), 512});
  b.graph().output("y", x + x);
  const FakeBackend fake;
  TensorMap kept;
  {
    const auto executable = fake.compile(b.graph());
    kept = executable->run(b.inputs());
    executable->run(b.inputs());
  }
  EXPECT_EQ(difference_between(run_on_reference(b.graph(), b.inputs()), kept, 0), "");
  kept.clear();
  EXPECT_TRUE(fake.state->is_clean());
}

TEST(CudaExecutable, NothingStaysOnTheDeviceAfterwards) {
  const FakeBackend fake;
  {
    CaseBuilder b = encoder();
    const auto executable = fake.compile(b.graph(), Precision::bf16);
    for (int run = 0; run < 3; ++run) executable->run(b.inputs());
    EXPECT_FALSE(fake.state->is_clean());
  }
  EXPECT_TRUE(fake.state->is_clean());
}

struct BadInput {
  std::string_view name;
  std::string_view input;
  std::vector<std::int64_t> values;
  std::string_view message;
};

void PrintTo(const BadInput& bad, std::ostream* out) { *out << bad.name; }

std::string name_of_bad_input(const testing::TestParamInfo<BadInput>& test) { return std::string(test.param.name); }

class BadInputs : public testing::TestWithParam<BadInput> {};
INSTANTIATE_TEST_SUITE_P(
    All, BadInputs,
    testing::Values(
        BadInput{"IndexAboveTheTable", "input_ids", {1, 2, 50, 3, 4, 5, 6, 7, 8}, "index 50 at position 2 is outside the table of 50 rows"},
        BadInput{"IndexBelowTheTable", "input_ids", {1, 2, 3, 3, 4, 5, 6, 7, -1}, "index -1 at position 8"},
        BadInput{"SequencesBeginLate", "sequences", {1, 5, 6, 9}, "sequences do not begin at 0"},
        BadInput{"SequencesDescend", "sequences", {0, 5, 4, 9}, "sequences descend from 5 to 4 at position 2"},
        BadInput{"SequencesEndEarly", "sequences", {0, 5, 6, 8}, "sequences end at 8, expected the number of tokens, 9"}),
    name_of_bad_input);

TEST_P(BadInputs, AreRefusedBeforeAnythingRuns) {
  CaseBuilder b = encoder();
  const FakeBackend fake;
  const auto executable = fake.compile(b.graph());
  TensorMap inputs = b.inputs();
  inputs[std::string(GetParam().input)] =
      Tensor::from<std::int64_t>(GetParam().values, {static_cast<std::int64_t>(GetParam().values.size())});
  try {
    executable->run(inputs);
    FAIL() << "ran";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
    EXPECT_NE(std::string_view(error.what()).find(GetParam().message), std::string_view::npos) << error.what();
  }
  EXPECT_EQ(fake.state->calls["kernel"], 0);
  EXPECT_EQ(difference_between(run_on_reference(b.graph(), b.inputs()), executable->run(b.inputs()), fp32_tolerance), "");
}

TEST(CudaExecutable, AnIndexThatTheGraphComputesIsCheckedOnTheDevice) {
  CaseBuilder b(5);
  const Value ids = b.whole_numbers("ids", {b.size("tokens", 4)}, 0, 4);
  b.graph().output("y", gather(b.weight("table", {6, 8}), ids + 1));
  const FakeBackend fake;
  const auto executable = fake.compile(b.graph());
  const std::array<std::int64_t, 4> bad{0, 5, 1, 9};
  for (int run = 0; run < 3; ++run) {
    try {
      executable->run({{"ids", Tensor::from<std::int64_t>(bad, {4})}});
      FAIL() << "ran";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
      EXPECT_STREQ(error.what(), "[gather] index 6 at position 1 is outside the table of 6 rows ('table')");
    }
    EXPECT_EQ(difference_between(run_on_reference(b.graph(), b.inputs()), executable->run(b.inputs()), 0), "") << "after a fault";
  }
}

}  // namespace
}  // namespace accelerate::cuda

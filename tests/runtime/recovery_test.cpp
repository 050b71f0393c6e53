// What is done when memory or a device gives out: by faults injected into backends that compute as cpu does.
#include "runtime/recovery.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "ops/case_builder.h"
#include "ops/compare.h"
#include "ops/encoder.h"
#include "ops/execution.h"
#include "support/expect_error.h"
#include "support/faulty_backend.h"

namespace accelerate {
namespace {

using Strings = std::vector<std::string>;

struct FaultCase {
  const char* name;
  std::map<std::string, Faults, std::less<>> faults;
  std::vector<std::int64_t> lengths;
  std::string log;                      ///< of what was asked of the backends
  Strings notes = {};                   ///< what each note has in it, in turn
  std::optional<ErrorKind> error = {};  ///< thrown in place of an answer
  std::string backend = "device";       ///< that is asked for
  bool fallback = true;
};

const std::string start = "make device, compile device";

const std::vector<FaultCase> fault_cases{
    {"nothing_happens", {}, {4, 8}, start + ", run device 12"},
    {"a_large_batch_is_halved",
     {{"device", {.most_tokens = 10}}},
     {4, 4, 4, 4},
     start + ", run device 16, run device 8, run device 8",
     {"device ran out of memory with 4 sequences of 16 tokens together (no room): they ran in 2 pieces"}},
    {"halves_are_even_in_tokens",
     {{"device", {.most_tokens = 9}}},
     {1, 2, 3, 9},
     start + ", run device 15, run device 6, run device 9",
     {"they ran in 2 pieces"}},
    {"halves_are_halved",
     {{"device", {.most_tokens = 5}}},
     {5, 5, 2, 2, 1, 5},
     start + ", run device 20, run device 10, run device 5, run device 5, run device 10, run device 5, run device 5",
     {"they ran in 4 pieces"}},
    {"one_sequence_too_large_goes_to_cpu",
     {{"device", {.most_tokens = 10}}},
     {12},
     start + ", run device 12, make cpu, compile cpu, run cpu 12",
     {"device ran out of memory (no room): the request ran on cpu"}},
    {"and_so_does_its_whole_batch",
     {{"device", {.most_tokens = 10}}},
     {3, 12, 3},
     start + ", run device 18, run device 3, run device 15, run device 12, make cpu, compile cpu, run cpu 18",
     {"device ran out of memory (no room): the request ran on cpu"}},
    {"cpu_is_cut_too",
     {{"device", {.most_tokens = 10}}, {"cpu", {.most_tokens = 14}}},
     {12, 12},
     start + ", run device 24, run device 12, make cpu, compile cpu, run cpu 24, run cpu 12, run cpu 12",
     {"the request ran on cpu", "cpu ran out of memory with 2 sequences"}},
    {"nothing_is_left_after_cpu",
     {{"device", {.most_tokens = 10}}, {"cpu", {.most_tokens = 10}}},
     {12},
     start + ", run device 12, make cpu, compile cpu, run cpu 12",
     {},
     ErrorKind::out_of_memory},
    {"cpu_may_have_no_room_for_the_model",
     {{"device", {.most_tokens = 10}}, {"cpu", {.compilations = {{0, Fault::out_of_memory}}}}},
     {12},
     start + ", run device 12, make cpu, compile cpu",
     {},
     ErrorKind::out_of_memory},
    {"cpu_alone_is_cut",
     {{"cpu", {.most_tokens = 10}}},
     {6, 6},
     "make cpu, compile cpu, run cpu 12, run cpu 6, run cpu 6",
     {"cpu ran out of memory with 2 sequences of 12 tokens together (no room): they ran in 2 pieces"},
     {},
     "cpu"},
    {"cpu_alone_gives_up", {{"cpu", {.most_tokens = 10}}}, {12}, "make cpu, compile cpu, run cpu 12", {}, ErrorKind::out_of_memory, "cpu"},
    {"the_process_has_no_memory",
     {{"device", {.runs = {{0, Fault::bad_alloc}}}}},
     {6, 6},
     start + ", run device 12, run device 6, run device 6",
     {"no memory left in this process): they ran in 2 pieces"}},
    {"the_model_does_not_fit",
     {{"device", {.compilations = {{0, Fault::out_of_memory}}}}},
     {12},
     start + ", make cpu, compile cpu, run cpu 12",
     {"device has no room for the model (no room): the model runs on cpu from now on"}},
    {"the_model_does_not_fit_the_process",
     {{"device", {.compilations = {{0, Fault::bad_alloc}}}}},
     {12},
     start + ", make cpu, compile cpu, run cpu 12",
     {"device has no room for the model"}},
    {"a_lost_device_is_set_up_anew",
     {{"device", {.runs = {{0, Fault::device_lost}}}}},
     {12},
     start + ", run device 12, make device, compile device, run device 12",
     {"device stopped working (no answer): it was set up anew and the work repeated"}},
    {"a_device_lost_twice_is_left",
     {{"device", {.runs = {{0, Fault::device_lost}, {1, Fault::device_lost}}}}},
     {12},
     start + ", run device 12, make device, compile device, run device 12, make cpu, compile cpu, run cpu 12",
     {"it was set up anew", "device stopped working again (no answer): the model runs on cpu from now on"}},
    {"a_device_that_does_not_come_back_is_left",
     {{"device", {.compilations = {{1, Fault::device_lost}}, .runs = {{0, Fault::device_lost}}}}},
     {12},
     start + ", run device 12, make device, compile device, make cpu, compile cpu, run cpu 12",
     {"device stopped working (no answer) and could not be set up anew (no answer): the model runs on cpu from now on"}},
    {"a_device_lost_while_compiling_is_set_up_anew",
     {{"device", {.compilations = {{0, Fault::device_lost}}}}},
     {12},
     start + ", make device, compile device, run device 12",
     {"it was set up anew"}},
    {"a_device_lost_over_a_piece",
     {{"device", {.runs = {{1, Fault::device_lost}}, .most_tokens = 10}}},
     {8, 8},
     start + ", run device 16, run device 8, make device, compile device, run device 16, run device 8, run device 8",
     {"it was set up anew", "they ran in 2 pieces"}},
    {"wrong_inputs_are_the_callers",
     {{"device", {.runs = {{0, Fault::invalid_argument}}}}},
     {6, 6},
     start + ", run device 12",
     {},
     ErrorKind::invalid_argument},
    {"out_of_memory_without_fallback",
     {{"device", {.most_tokens = 10}}},
     {6, 6},
     start + ", run device 12",
     {},
     ErrorKind::out_of_memory,
     "device",
     false},
    {"device_lost_without_fallback",
     {{"device", {.runs = {{0, Fault::device_lost}}}}},
     {12},
     start + ", run device 12",
     {},
     ErrorKind::device_lost,
     "device",
     false},
    {"no_room_without_fallback",
     {{"device", {.compilations = {{0, Fault::out_of_memory}}}}},
     {12},
     start,
     {},
     ErrorKind::out_of_memory,
     "device",
     false},
    {"a_device_that_takes_all_but_attention",
     {{"device", {.refused = {Op::attention}}}},
     {12},
     "make device, make cpu, compile device, compile cpu, compile device, run device 12, run cpu 12, run device 12",
     {"attention (1 node) on cpu, for device refuses it: not today"}},
    {"such_a_device_is_cut_too",
     {{"device", {.most_tokens = 10, .refused = {Op::attention}}}},
     {8, 8},
     "make device, make cpu, compile device, compile cpu, compile device, run device 16, run device 8, run cpu 8, run device 8, run device "
     "8, "
     "run cpu 8, run device 8",
     {"attention (1 node) on cpu", "they ran in 2 pieces"}},
};

class Recovery : public testing::TestWithParam<FaultCase> {};

INSTANTIATE_TEST_SUITE_P(Faults, Recovery, testing::ValuesIn(fault_cases), [](const auto& test) { return std::string(test.param.name); });

RecoveryOptions recovery_with(FaultyBackends& backends, bool fallback = true) {
  return {.fallback = fallback, .make_backend = [&backends](std::string_view name) { return backends.make(name); }};
}

void expect_notes(const Strings& notes, const Strings& expected) {
  ASSERT_EQ(notes.size(), expected.size()) << testing::PrintToString(notes);
  for (std::size_t i = 0; i < notes.size(); ++i)
    EXPECT_NE(notes[i].find(expected[i]), std::string::npos) << notes[i] << "\nhas not: " << expected[i];
}

TEST_P(Recovery, DoesWhatTheTableSays) {
  const FaultCase& test = GetParam();
  FaultyBackends backends(test.faults);
  const TensorMap inputs = encoder_inputs(test.lengths);
  const auto run = [&] {
    const RecoveringRunner runner(backends.make(test.backend), encoder(), options_for(Precision::fp32),
                                  recovery_with(backends, test.fallback));
    return runner.run(inputs);
  };
  if (test.error) {
    expect_error(*test.error, "", run);
  } else {
    const RunResult result = run();
    EXPECT_EQ(difference_between(run_on(*backend_named("cpu"), encoder(), inputs), result.outputs, 0), "");
    expect_notes(result.notes, test.notes);
  }
  EXPECT_EQ(backends.log(), test.log);
}

TEST(RecoveringRunner, SaysInEveryAnswerThatADeviceWasLeft) {
  FaultyBackends backends({{"device", {.runs = {{0, Fault::device_lost}, {1, Fault::device_lost}}}}});
  const RecoveringRunner runner(backends.make("device"), encoder(), options_for(Precision::fp32), recovery_with(backends));
  const TensorMap inputs = encoder_inputs(std::vector<std::int64_t>{3});
  runner.run(inputs);
  expect_notes(runner.run(inputs).notes, {"from now on"});
  expect_notes(runner.run(inputs).notes, {"from now on"});
  EXPECT_TRUE(backends.log().ends_with("run cpu 3, run cpu 3, run cpu 3")) << backends.log();
}

TEST(RecoveringRunner, ForgetsWhatOneRequestNeeded) {
  FaultyBackends backends({{"device", {.most_tokens = 10}}});
  const RecoveringRunner runner(backends.make("device"), encoder(), options_for(Precision::fp32), recovery_with(backends));
  for (std::int64_t i = 0; i < 2; ++i)
    expect_notes(runner.run(encoder_inputs(std::vector<std::int64_t>{12})).notes, {"the request ran on cpu"});
  expect_notes(runner.run(encoder_inputs(std::vector<std::int64_t>{6})).notes, {});
  EXPECT_EQ(backends.log(), start + ", run device 12, make cpu, compile cpu, run cpu 12, run device 12, run cpu 12, run device 6");
}

TEST(RecoveringRunner, GivesEveryRequestThatLostADeviceItsAnswer) {
  FaultyBackends backends({{"device", {.runs = {{0, Fault::device_lost}, {1, Fault::device_lost}, {2, Fault::device_lost}}}}});
  const RecoveringRunner runner(backends.make("device"), encoder(), options_for(Precision::fp32), recovery_with(backends));
  const TensorMap inputs = encoder_inputs(std::vector<std::int64_t>{5, 9});
  const TensorMap expected = run_on(*backend_named("cpu"), encoder(), inputs);
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < 4; ++j) EXPECT_EQ(difference_between(expected, runner.run(inputs).outputs, 0), "");
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(RecoveringRunner, LeavesBatchesWholeThatMixSequences) {
  CaseBuilder builder(1);
  const Value x = builder.floats("x", {builder.size("tokens", 12), 4});
  const Value bounds = builder.sequences("sequences", {6, 6});
  builder.graph().output("sum", reduce(x, {.function = Reduction::sum, .axis = 0}));
  builder.graph().output("means", sequence_pool(x, bounds, {}));
  FaultyBackends backends({{"device", {.most_tokens = 10}}});
  const RecoveringRunner runner(backends.make("device"), builder.graph(), options_for(Precision::fp32), recovery_with(backends));
  expect_notes(runner.run(builder.inputs()).notes, {"the request ran on cpu"});
  EXPECT_EQ(backends.log(), start + ", run device 12, make cpu, compile cpu, run cpu 12");
}

TEST(RecoveringRunner, ComputesInFloatWhereCpuLacksThePrecision) {
  FaultyBackends backends({{"device", {.compilations = {{0, Fault::out_of_memory}}}}});
  const RecoveringRunner runner(backends.make("device"), encoder(), options_for(Precision::fp16), recovery_with(backends));
  EXPECT_EQ(runner.backend(), "cpu");
  EXPECT_EQ(runner.precision(), Precision::fp32);
  expect_notes(runner.report().notes, {"the model runs on cpu from now on in fp32, for it lacks fp16"});
}

}  // namespace
}  // namespace accelerate

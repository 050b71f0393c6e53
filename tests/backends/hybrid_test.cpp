// Graphs of which one backend takes a part and cpu the rest: the results of both computing all of it alone.
#include "backends/hybrid.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ops/case_builder.h"
#include "ops/compare.h"
#include "ops/encoder.h"
#include "ops/execution.h"
#include "support/expect_error.h"
#include "support/faulty_backend.h"

namespace accelerate {
namespace {

const std::vector<std::int64_t> lengths{5, 1, 17, 30};

/// A graph of which "device" refuses some ops, on it and cpu.
struct Hybrid {
  explicit Hybrid(std::set<Op> refused) : backends({{"device", {.refused = std::move(refused)}}}) {}

  std::unique_ptr<Executable> compile(const Graph& graph, Precision precision = Precision::fp32) {
    return compile_hybrid(*device, *cpu, graph, options_for(precision));
  }

  FaultyBackends backends;
  std::unique_ptr<Backend> device = backends.make("device");
  std::unique_ptr<Backend> cpu = backends.make("cpu");
};

struct RefusedCase {
  const char* name;
  std::set<Op> refused;
  const char* log;  ///< of compilations
  double tolerance = 0;
};

const std::vector<RefusedCase> refused_cases{
    {"nothing", {}, "compile device"},
    {"attention", {Op::attention}, "compile device, compile cpu, compile device"},
    {"first_op", {Op::gather}, "compile cpu, compile device"},
    {"last_op", {Op::sequence_pool}, "compile device, compile cpu"},
    {"linear",
     {Op::linear},
     "compile device, compile cpu, compile device, compile cpu, compile device, compile cpu, compile device, compile cpu, compile device"},
    {"layer_norm",
     {Op::layer_norm},
     "compile device, compile cpu, compile device, compile cpu, compile device, compile cpu, compile device"},
    {"activation", {Op::unary}, "compile device, compile cpu, compile device"},
    {"attention_and_linear",
     {Op::attention, Op::linear},
     "compile device, compile cpu, compile device, compile cpu, compile device, compile cpu, compile device"},
    {"reshape", {Op::reshape}, "compile device, compile cpu, compile device, compile cpu, compile device"},
};

using CaseAndPrecision = std::tuple<RefusedCase, Precision>;

class Refused : public testing::TestWithParam<CaseAndPrecision> {};

INSTANTIATE_TEST_SUITE_P(
    Ops, Refused, testing::Combine(testing::ValuesIn(refused_cases), testing::Values(Precision::fp32, Precision::bf16, Precision::int8)),
    [](const auto& test) { return fmt::format("{}_{}", std::get<0>(test.param).name, name_of(std::get<1>(test.param))); });

TEST_P(Refused, RunOnCpuToTheSameBits) {
  const auto& [test, precision] = GetParam();
  Hybrid hybrid(test.refused);
  const std::unique_ptr<Executable> executable = hybrid.compile(encoder(), precision);
  EXPECT_EQ(hybrid.backends.log(), std::string("make device, make cpu, ") + test.log);
  EXPECT_EQ(executable->report().notes.size(), test.refused.size());
  const TensorMap inputs = encoder_inputs(lengths);
  EXPECT_EQ(difference_between(run_on(*backend_named("cpu"), encoder(), inputs, precision), executable->run(inputs), test.tolerance), "");
}

TEST(Hybrid, SaysWhatRunsWhere) {
  Hybrid hybrid({Op::attention, Op::layer_norm});
  const std::unique_ptr<Executable> executable = hybrid.compile(encoder());
  const CompileReport& report = executable->report();
  EXPECT_EQ(report.notes, (std::vector<std::string>{"layer_norm (3 nodes) on cpu, for device refuses it: not today",
                                                    "attention (1 node) on cpu, for device refuses it: not today"}));
  EXPECT_NE(report.implementation.find(" with cpu "), std::string::npos) << report.implementation;
  EXPECT_EQ(report.passes.size(), all_passes().size());
  EXPECT_EQ(report.graph.outputs().size(), 2U);
}

TEST(Hybrid, RefusesInputsAsTheWholeGraphDoes) {
  Hybrid hybrid({Op::attention});
  const std::unique_ptr<Executable> executable = hybrid.compile(encoder());
  TensorMap inputs = encoder_inputs(lengths);
  inputs["more"] = Tensor();
  expect_error(ErrorKind::invalid_argument, "input 'more' is not one of this graph's", [&] { executable->run(inputs); });
  inputs.erase("more");
  inputs["ids"] = Tensor::zeros(DType::float32, {53});
  expect_error(ErrorKind::invalid_argument, "input 'ids' is float32, expected int64 [tokens]", [&] { executable->run(inputs); });
  inputs.erase("ids");
  expect_error(ErrorKind::invalid_argument, "input 'ids', int64 [tokens], is missing", [&] { executable->run(inputs); });
}

TEST(Hybrid, CarriesSizesThatNoCrossingValueTells) {
  CaseBuilder builder(2);
  const Dim tokens = builder.size("tokens", 7);
  const Value x = builder.floats("x", {tokens, 6});
  const Value heads = reshape(x, {tokens * Dim(2), 3});  // 14 rows tell nothing of tokens
  builder.graph().output("y", reshape(unary(UnaryFunction::tanh, heads), {tokens, 6}));
  Hybrid hybrid({Op::unary});
  const TensorMap outputs = hybrid.compile(builder.graph())->run(builder.inputs());
  EXPECT_EQ(difference_between(run_on(*backend_named("cpu"), builder.graph(), builder.inputs()), outputs, 0), "");
}

TEST(Hybrid, GivesInputsConstantsAndRepeatedValuesAsOutputs) {
  CaseBuilder builder(2);
  const Value x = builder.floats("x", {builder.size("tokens", 7), 6});
  const Value table = builder.weight("table", {2, 6});
  const Value y = unary(UnaryFunction::tanh, x);
  const std::vector<std::pair<const char*, Value>> outputs_by_name{{"in", x}, {"table", table}, {"once", y}, {"again", y}, {"sum", y + x}};
  for (const auto& [name, value] : outputs_by_name) builder.graph().output(name, value);
  Hybrid hybrid({Op::unary});
  const TensorMap outputs = hybrid.compile(builder.graph())->run(builder.inputs());
  EXPECT_EQ(outputs.size(), 5U);
  EXPECT_EQ(difference_between(run_on_reference(builder.graph(), builder.inputs()), outputs, 1e-6), "");
}

TEST(Hybrid, ComputesItsCpuPartInFloatWhereCpuLacksThePrecision) {
  CaseBuilder builder(2);
  const Value x = builder.floats("x", {builder.size("tokens", 7), 6});
  builder.graph().output("y", linear(x, builder.weight("table", {4, 6})));
  Hybrid hybrid({Op::linear});
  const std::unique_ptr<Executable> executable = hybrid.compile(builder.graph(), Precision::fp16);
  ASSERT_EQ(executable->report().notes.size(), 2U);
  EXPECT_EQ(executable->report().notes[1], "cpu computes its part in fp32, for it lacks fp16");
  EXPECT_EQ(difference_between(run_on(*backend_named("cpu"), builder.graph(), builder.inputs()), executable->run(builder.inputs()), 0), "");
}

}  // namespace
}  // namespace accelerate

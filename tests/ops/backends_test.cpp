// Every backend of this machine against the reference, case by case. With ACCELERATE_CPU_ISA set, ctest runs this once for
// each instruction set.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "backends/cpu/isa.h"
#include "ops/cases.h"
#include "ops/compare.h"
#include "ops/execution.h"

namespace accelerate {
namespace {

using BackendAndCase = std::tuple<std::string, std::size_t>;

class Backends : public testing::TestWithParam<BackendAndCase> {};

std::string name_of_test(const testing::TestParamInfo<BackendAndCase>& info) {
  return std::get<0>(info.param) + "_" + all_cases()[std::get<1>(info.param)].name;
}

INSTANTIATE_TEST_SUITE_P(All, Backends,
                         testing::Combine(testing::ValuesIn(usable_backends()), testing::Range(std::size_t{0}, all_cases().size())),
                         name_of_test);

TEST_P(Backends, AgreesWithReference) {
  const auto& [name, index] = GetParam();
  const OpCase& op_case = all_cases()[index];
  CaseBuilder builder = built(op_case);
  const TensorMap expected = run_on_reference(builder.graph(), builder.inputs(), op_case.precision);
  const TensorMap actual = run_on(*backend_named(name), builder.graph(), builder.inputs(), op_case.precision);
  EXPECT_EQ(difference_between(expected, actual, tolerance_of(name, op_case)), "");
}

TEST(Cases, CoverEveryOp) {
  for (std::size_t op = 0; op < all_ops().size(); ++op) {
    const auto covers = [&](const OpCase& op_case) {
      return op_case.op == static_cast<Op>(op) && op_case.name.starts_with(all_ops()[op].name);
    };
    EXPECT_TRUE(std::ranges::any_of(all_cases(), covers)) << all_ops()[op].name;
  }
}

TEST(Cases, AreNamedApart) {
  std::vector<std::string> names;
  for (const OpCase& op_case : all_cases()) names.push_back(op_case.name);
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end()) << *std::ranges::adjacent_find(names);
}

TEST(CpuIsa, IsTheOneThatWasAskedFor) {
  const char* wanted = std::getenv("ACCELERATE_CPU_ISA");
  const std::string isa(wanted == nullptr ? name_of(cpu::selected_isa()) : wanted);
  CaseBuilder builder = built(all_cases().front());
  const auto executable = backend_named("cpu")->compile(builder.graph(), options_for(Precision::fp32));
  EXPECT_EQ(executable->report().implementation, "cpu " + isa);
}

}  // namespace
}  // namespace accelerate

// The table of cases itself, and that tests run on the instruction set that ctest asks for. What backends make of the cases
// is `ops_table check`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "backends/cpu/isa.h"
#include "ops/cases.h"
#include "ops/execution.h"
#include "ops/tolerances.h"

namespace accelerate {
namespace {

TEST(Cases, CoverEveryOp) {
  for (std::size_t op = 0; op < all_ops().size(); ++op) {
    if (static_cast<Op>(op) == Op::append) continue;  // needs a state: tests/ops/state_test.cpp
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

TEST(Cases, AreComparedMoreLooselyOnlyWhereTheTableSaysSo) {
  for (const OpCase& op_case : all_cases()) {
    for (std::string_view backend : {"cpu", "reference"}) EXPECT_EQ(tolerance_of(backend, op_case), op_case.tolerance) << op_case.name;
    for (const LooserTolerance& row : looser_tolerances()) {
      const double tolerance = tolerance_of(row.backend, op_case);
      EXPECT_GE(tolerance, op_case.tolerance) << op_case.name;
      EXPECT_TRUE(op_case.tolerance > 0 || tolerance == 0) << op_case.name;
    }
  }
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

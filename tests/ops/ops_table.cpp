// Lists what each backend does with the cases of the op tests: `ops_table support` prints docs/ops.md, `ops_table perf
// [PREFIX]` nanoseconds a run.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>

#include "ipfs_accelerate/error.h"
#include "ops/cases.h"
#include "ops/execution.h"

namespace accelerate {
namespace {

/// "yes" when the backend runs every case of the op as it stands, "in part" when some, "decomposed" when it runs none but
/// passes turn the op into others; "-" when it is not part of this build.
std::string support_of(const Backend& backend, Op op) {
  if (backend.devices().usable.empty()) return "-";
  int cases = 0;
  int supported = 0;
  for (const OpCase& op_case : all_cases()) {
    if (op_case.op != op) continue;
    CaseBuilder builder = built(op_case);
    for (const Node& node : builder.graph().nodes()) {
      if (node.op != op) continue;
      ++cases;
      supported += backend.supports(builder.graph(), node).yes ? 1 : 0;
    }
  }
  if (supported == cases) return "yes";
  if (supported > 0) return "in part";
  return traits_of(op).kind == OpKind::fused ? "decomposed" : "no";
}

constexpr std::string_view preface = R"(# Ops

Written by `make docs`, from `src/graph/ops.def` and the cases of `tests/ops`. *yes*: the backend runs every case of the op
as it stands; *in part*: some of them, and it names a reason for the others; *decomposed*: passes turn the op into others
first; *-*: the backend is not part of the build that wrote this. Fused ops come from passes alone.

)";

void print_support() {
  fmt::print("{}", preface);
  const auto backends = all_backends();
  std::string header = "| op | what it computes |";
  std::string rule = "|---|---|";
  for (const auto& backend : backends) {
    header += fmt::format(" {} |", backend->name());
    rule += "---|";
  }
  fmt::print("{}\n{}\n", header, rule);
  for (std::size_t i = 0; i < all_ops().size(); ++i) {
    const OpTraits& traits = all_ops()[i];
    fmt::print("| `{}`{} | {} |", traits.name, traits.kind == OpKind::fused ? " (fused)" : "", traits.summary);
    for (const auto& backend : backends) fmt::print(" {} |", support_of(*backend, static_cast<Op>(i)));
    fmt::print("\n");
  }
}

double nanoseconds_a_run(const Executable& executable, const TensorMap& inputs) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds enough{20};
  executable.run(inputs);
  const auto start = Clock::now();
  std::int64_t runs = 0;
  for (; Clock::now() - start < enough; ++runs) executable.run(inputs);
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / static_cast<double>(runs);
}

void print_performance(std::string_view prefix) {
  for (const std::string& name : usable_backends()) {
    const auto backend = backend_named(name);
    for (const OpCase& op_case : all_cases()) {
      if (!op_case.name.starts_with(prefix)) continue;
      CaseBuilder builder = built(op_case);
      const auto executable = backend->compile(builder.graph(), options_for(op_case.precision));
      fmt::print("{:<20} {:<45} {:>12.0f} ns\n", executable->report().implementation, op_case.name,
                 nanoseconds_a_run(*executable, builder.inputs()));
    }
  }
}

}  // namespace
}  // namespace accelerate

int main(int argument_count, char** arguments) {
  const std::string_view mode = argument_count > 1 ? arguments[1] : "";
  try {
    if (mode == "support") {
      accelerate::print_support();
      return 0;
    }
    if (mode == "perf") {
      accelerate::print_performance(argument_count > 2 ? arguments[2] : "");
      return 0;
    }
    fmt::print(stderr, "usage: ops_table support | ops_table perf [PREFIX]\n");
    return 2;
  } catch (const accelerate::Error& error) {
    fmt::print(stderr, "ops_table: {}\n", error.what());
    return accelerate::exit_code(error.kind());
  }
}

#include "ops/table_perf.h"

#include <algorithm>
#include <chrono>

#include "ipfs_accelerate/error.h"
#include "ops/execution.h"

namespace accelerate {
namespace {

double nanoseconds_a_run(const Executable& executable, const TensorMap& inputs) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds enough{20};
  executable.run(inputs);
  const auto start = Clock::now();
  std::int64_t runs = 0;
  for (; Clock::now() - start < enough; ++runs) executable.run(inputs);
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / static_cast<double>(runs);
}

/// The compiled case; nothing where the backend refuses it.
std::unique_ptr<Executable> compiled(const Backend& backend, const OpCase& op_case) {
  try {
    return backend.compile(built(op_case).graph(), options_for(op_case.precision));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unsupported) return nullptr;
    throw;
  }
}

}  // namespace

std::vector<PerfRow> time_cases(const Backend& backend, std::string_view prefix) {
  std::vector<PerfRow> rows;
  for (const OpCase& op_case : all_cases()) {
    if (!op_case.name.starts_with(prefix)) continue;
    if (const std::unique_ptr<Executable> executable = compiled(backend, op_case))
      rows.push_back({&op_case, executable->report().implementation, nanoseconds_a_run(*executable, built(op_case).inputs())});
  }
  return rows;
}

}  // namespace accelerate

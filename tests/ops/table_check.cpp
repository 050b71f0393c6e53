#include "ops/table_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "ipfs_accelerate/error.h"
#include "ops/compare.h"
#include "ops/execution.h"
#include "ops/tolerances.h"

namespace accelerate {
namespace {

CheckRow check_one(const Backend& backend, const OpCase& op_case) {
  const std::span<const Precision> computed = backend.precisions();
  if (std::ranges::find(computed, op_case.precision) == computed.end())
    return {&op_case, Outcome::skipped, fmt::format("no {}", name_of(op_case.precision))};
  CaseBuilder builder = built(op_case);
  const TensorMap expected = run_on_reference(builder.graph(), builder.inputs(), op_case.precision);
  try {
    const TensorMap actual = run_on(backend, builder.graph(), builder.inputs(), op_case.precision);
    std::string difference = difference_between(expected, actual, tolerance_of(backend.name(), op_case));
    return {&op_case, difference.empty() ? Outcome::passed : Outcome::failed, std::move(difference)};
  } catch (const Error& error) {
    const bool may_refuse = error.kind() == ErrorKind::unsupported && backend.name() != "cpu";
    return {&op_case, may_refuse ? Outcome::refused : Outcome::failed, error.what()};
  }
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed:
      return "passed";
    case Outcome::failed:
      return "failed";
    case Outcome::refused:
      return "refused";
    case Outcome::skipped:
      return "skipped";
  }
  throw Error(ErrorKind::internal, fmt::format("outcome {} has no name", static_cast<int>(outcome)));
}

std::vector<CheckRow> check(const Backend& backend, std::string_view prefix) {
  std::vector<CheckRow> rows;
  for (const OpCase& op_case : all_cases())
    if (op_case.name.starts_with(prefix)) rows.push_back(check_one(backend, op_case));
  return rows;
}

}  // namespace accelerate

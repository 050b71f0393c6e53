#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "ops/cases.h"

namespace accelerate {

enum class Outcome : std::uint8_t {
  passed,
  failed,   ///< other results than the reference's, or an error
  refused,  ///< the backend says that it does not run the case, which then runs on cpu (backends/hybrid.h)
  skipped,  ///< the backend does not compute in the case's precision
};

/// "passed", …
std::string_view name_of(Outcome outcome);

/// What a backend made of a case.
struct CheckRow {
  const OpCase* op_case;
  Outcome outcome;
  std::string detail;  ///< the difference, or why it was not run; empty where it passed
};

/// Runs the cases whose names begin with `prefix` on the backend and compares them with the reference. The cpu backend, on
/// which everything falls back, may refuse nothing.
std::vector<CheckRow> check(const Backend& backend, std::string_view prefix);

}  // namespace accelerate

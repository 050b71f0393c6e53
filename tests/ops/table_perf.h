#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "ops/cases.h"

namespace accelerate {

/// How long a backend takes for a case.
struct PerfRow {
  const OpCase* op_case;
  std::string implementation;  ///< "cpu avx512_bf16"
  double nanoseconds;          ///< a run, from tensors to tensors, on average
};

/// Times the cases whose names begin with `prefix` and that the backend runs.
std::vector<PerfRow> time_cases(const Backend& backend, std::string_view prefix);

}  // namespace accelerate

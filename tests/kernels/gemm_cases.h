// gemm against plain loops in double, for any kernel table.
#pragma once

#include <optional>

#include "kernel_test.h"

namespace accelerate::cpu {

struct GemmCase {
  Precision precision;
  std::int64_t rows;
  std::int64_t inputs;
  std::int64_t outputs;
  bool bias = false;
  bool residual = false;
  std::optional<UnaryFunction> activation = std::nullopt;
  std::int64_t gap = 0;  ///< elements between the rows of x, output and residual
};

/// Runs `table`'s gemm on random numbers in two parts of its panels and expects what double arithmetic gives.
void check_gemm(const KernelTable& table, const GemmCase& test);

}  // namespace accelerate::cpu

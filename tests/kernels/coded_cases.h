// Products by codes against plain loops in double, for any kernel table.
#pragma once

#include <optional>

#include "kernel_test.h"

namespace accelerate::cpu {

struct CodedCase {
  int bits = 4;
  std::int64_t rows = 1;
  std::int64_t inputs = 64;
  std::int64_t outputs = 40;
  std::int64_t group_size = 32;
  std::int32_t zero = 8;
  bool offsets = false;
  bool shuffled = false;  ///< columns take the inputs in another order
  bool tail = false;      ///< bias, activation and residual
  std::int64_t gap = 0;   ///< elements between the rows of x, output and residual
};

/// Runs `table`'s product by random codes in two parts of its panels and expects what double arithmetic gives: of activations
/// rounded as int4 says, or, with `tolerance` for what that costs, of rounding less.
void check_coded(const KernelTable& table, const CodedCase& test, double tolerance = 2e-5);

}  // namespace accelerate::cpu

#pragma once

#include <span>
#include <vector>

#include "base/precision.h"

namespace accelerate::reference {

/// A row of numbers as a product of that precision takes it: each number is a step times the row's scale.
struct Operand {
  std::vector<double> steps;
  double scale = 1;
};

/// A row of weights. fp32: the numbers themselves. bf16: each rounded to bfloat16. int8: whole numbers of -127…127, the
/// largest magnitude of the row being 127, ties rounded to even. int4: whole numbers of -8…7 for each 32 of the row
/// (backends/four_bits.h), times their scale.
Operand as_operand(std::span<const float> row, Precision precision);

/// A token's activations: as weights are, but at int8 256 whole numbers spread from the row's least to its largest
/// number, zero being one of them; an activation such as GELU leaves few numbers below zero. int4: whole numbers of -127…127
/// for each 32, times their scale.
Operand as_activations(std::span<const float> row, Precision precision);

/// The product of two rows of one length.
double dot(const Operand& a, const Operand& b);

}  // namespace accelerate::reference

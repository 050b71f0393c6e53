// The table of small graphs that every backend is checked with, and that its support and speed are listed by.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/precision.h"
#include "ops/case_builder.h"

namespace accelerate {

/// How far a backend's floats may be from the reference's (see difference_between): what a different order of the sums, and
/// functions of a few units in the last place, amount to.
inline constexpr double fp32_tolerance = 2e-6;
/// Of products whose operands are rounded alike: now and then a sum that is rounded before the next product goes the other way.
inline constexpr double rounded_tolerance = 1e-3;
/// Of activations that a backend may round less than the reference does in their chunks: half a step of 255.
inline constexpr double rounded_less_tolerance = 0.015;
/// Of attention in bfloat16: each probability may be rounded against another running maximum.
inline constexpr double rounded_attention_tolerance = 4e-3;

/// A graph that exercises one op.
struct OpCase {
  std::string name;  ///< letters, digits and underscores, beginning with the op's name
  Op op;
  std::function<void(CaseBuilder&)> build;
  Precision precision = Precision::fp32;
  double tolerance = fp32_tolerance;
};

/// All cases; every op of ops.def has at least one.
const std::vector<OpCase>& all_cases();

/// The case's graph and inputs, the same each time.
CaseBuilder built(const OpCase& op_case);

// One function a file of this folder.
void add_element_cases(std::vector<OpCase>& cases);
void add_shape_cases(std::vector<OpCase>& cases);
void add_product_cases(std::vector<OpCase>& cases);
void add_code_cases(std::vector<OpCase>& cases);
void add_norm_cases(std::vector<OpCase>& cases);
void add_sequence_cases(std::vector<OpCase>& cases);

}  // namespace accelerate

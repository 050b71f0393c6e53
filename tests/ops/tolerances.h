// How far each backend's floats may be from the reference's: the one place where a backend is allowed more than the case says.
#pragma once

#include <string_view>
#include <vector>

#include "ops/cases.h"

namespace accelerate {

/// Of a backend that keeps the values between products in bfloat16 too: each is off by up to one part in 512.
inline constexpr double rounded_between_tolerance = 8e-3;
/// Of a backend that rounds weights to eight bits and leaves activations as they are: what the reference's rounding of them
/// amounts to, half a step of 255 from the least to the largest.
inline constexpr double whole_activations_tolerance = 0.015;
/// Of a backend that computes a product in wider numbers than the precision asks for: what the reference's rounding of both
/// operands amounts to.
inline constexpr double unrounded_operands_tolerance = 0.015;

/// At one precision, a backend's floats may be this far from the reference's after some ops.
struct LooserTolerance {
  std::string_view backend;
  Precision precision;
  std::vector<Op> ops;
  double tolerance;
};

/// Every such allowance; the tolerance's name says the reason.
const std::vector<LooserTolerance>& looser_tolerances();

/// How far `backend` may be from the reference in that case (see difference_between): what the case says, or what an
/// allowance says where that is more. Cases that ask for equal bits ask all for them.
double tolerance_of(std::string_view backend, const OpCase& op_case);

/// How far `backend` may differ between a sequence alone and the same one in a batch. Where each row is computed by itself
/// this is 0; a runtime that picks another order of the sums for another shape is held to what that amounts to.
double batching_tolerance(std::string_view backend, Precision precision);

}  // namespace accelerate

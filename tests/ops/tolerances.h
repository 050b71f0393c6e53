// How far each backend's floats may be from the reference's: the one place where a backend is allowed more than the case says.
#pragma once

#include <string_view>
#include <vector>

#include "ops/cases.h"

namespace accelerate {

/// A backend's floats may be this far from the reference's at one precision, where a case asks for less.
struct LooserTolerance {
  std::string_view backend;
  Precision precision;
  double tolerance;
  std::string_view reason;
};

/// Every such allowance, with its reason. None is for results that must be equal to the last bit.
extern const std::vector<LooserTolerance> looser_tolerances;

/// The tolerance of the case (see difference_between) on that backend.
double tolerance_of(const OpCase& op_case, std::string_view backend);

}  // namespace accelerate

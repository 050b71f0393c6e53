#include "ops/tolerances.h"

#include <algorithm>

namespace accelerate {

const std::vector<LooserTolerance> looser_tolerances{
    {"openvino", Precision::fp32, 1e-5, "its exp, erf and tanh are polynomials of fewer terms, and its sums run in other orders"},
};

double tolerance_of(const OpCase& op_case, std::string_view backend) {
  double tolerance = op_case.tolerance;
  if (tolerance == 0) return tolerance;
  for (const LooserTolerance& looser : looser_tolerances)
    if (looser.backend == backend && looser.precision == op_case.precision) tolerance = std::max(tolerance, looser.tolerance);
  return tolerance;
}

}  // namespace accelerate

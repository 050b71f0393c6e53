#include "ops/tolerances.h"

#include <algorithm>

namespace accelerate {

const std::vector<LooserTolerance>& looser_tolerances() {
  static const std::vector<LooserTolerance> rows{
      {"cuda", Precision::int8, {Op::grouped_linear}, unrounded_operands_tolerance},
      {"openvino", Precision::bf16, {Op::linear, Op::grouped_linear, Op::attention}, rounded_between_tolerance},
      {"openvino", Precision::int8, {Op::linear, Op::grouped_linear, Op::attention}, whole_activations_tolerance},
      {"openvino", Precision::int4, {Op::linear, Op::attention}, whole_activations_tolerance},
  };
  return rows;
}

double tolerance_of(std::string_view backend, const OpCase& op_case) {
  double tolerance = op_case.tolerance;
  if (tolerance == 0) return tolerance;
  for (const LooserTolerance& row : looser_tolerances())
    if (row.backend == backend && row.precision == op_case.precision && std::ranges::find(row.ops, op_case.op) != row.ops.end())
      tolerance = std::max(tolerance, row.tolerance);
  return tolerance;
}

double batching_tolerance(std::string_view backend, Precision precision) {
  if (backend == "openvino") return precision == Precision::bf16 ? rounded_between_tolerance : fp32_tolerance;
  if (backend == "cuda") return precision == Precision::fp32 ? fp32_tolerance : rounded_between_tolerance;
  return 0;
}

}  // namespace accelerate

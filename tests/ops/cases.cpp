#include "ops/cases.h"

#include <algorithm>

namespace accelerate {

const std::vector<OpCase>& all_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    add_element_cases(all);
    add_shape_cases(all);
    add_product_cases(all);
    add_norm_cases(all);
    add_sequence_cases(all);
    return all;
  }();
  return cases;
}

double tolerance_of(std::string_view backend, const OpCase& op_case) {
  if (backend != "openvino" || (op_case.op != Op::linear && op_case.op != Op::attention)) return op_case.tolerance;
  if (op_case.precision == Precision::bf16) return std::max(op_case.tolerance, rounded_between_tolerance);
  if (op_case.precision == Precision::int8) return std::max(op_case.tolerance, whole_activations_tolerance);
  return op_case.tolerance;
}

double batching_tolerance(std::string_view backend, Precision precision) {
  if (backend != "openvino") return 0;
  return precision == Precision::bf16 ? rounded_between_tolerance : fp32_tolerance;
}

CaseBuilder built(const OpCase& op_case) {
  std::uint64_t seed = 14695981039346656037ULL;  // FNV-1a of the name, so that a new case changes no other
  for (char letter : op_case.name) seed = (seed ^ static_cast<unsigned char>(letter)) * 1099511628211ULL;
  CaseBuilder builder(seed);
  op_case.build(builder);
  return builder;
}

}  // namespace accelerate

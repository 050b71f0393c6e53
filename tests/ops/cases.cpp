#include "ops/cases.h"

namespace accelerate {

const std::vector<OpCase>& all_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    add_element_cases(all);
    add_shape_cases(all);
    add_product_cases(all);
    add_code_cases(all);
    add_norm_cases(all);
    add_sequence_cases(all);
    return all;
  }();
  return cases;
}

CaseBuilder built(const OpCase& op_case) {
  std::uint64_t seed = 14695981039346656037ULL;  // FNV-1a of the name, so that a new case changes no other
  for (char letter : op_case.name) seed = (seed ^ static_cast<unsigned char>(letter)) * 1099511628211ULL;
  CaseBuilder builder(seed);
  op_case.build(builder);
  return builder;
}

}  // namespace accelerate

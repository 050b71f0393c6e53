#include "backends/reference/operand.h"

#include <cmath>

#include "backends/reference/functions.h"
#include "base/half.h"

namespace accelerate::reference {

Operand as_operand(std::span<const float> row, Precision precision) {
  Operand operand{{row.begin(), row.end()}};
  if (precision == Precision::bf16)
    for (double& step : operand.steps) step = round_to_bfloat16(static_cast<float>(step));
  if (precision != Precision::int8) return operand;

  double largest = 0;
  for (double number : operand.steps) largest = larger(largest, std::abs(number));
  if (largest == 0) return operand;
  operand.scale = static_cast<float>(largest / 127);
  for (double& step : operand.steps) step = std::nearbyint(step / operand.scale);
  return operand;
}

double dot(const Operand& a, const Operand& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.steps.size(); ++i) sum += a.steps[i] * b.steps[i];
  return sum * a.scale * b.scale;
}

}  // namespace accelerate::reference

#include "backends/reference/operand.h"

#include <algorithm>
#include <cmath>

#include "backends/reference/functions.h"
#include "base/half.h"

namespace accelerate::reference {

Operand as_operand(std::span<const float> row, Precision precision) {
  Operand operand{{row.begin(), row.end()}};
  if (precision == Precision::bf16)
    for (double& step : operand.steps) step = round_to_bfloat16(static_cast<float>(step));
  if (precision == Precision::fp16)
    for (double& step : operand.steps) step = round_to_float16(static_cast<float>(step));
  if (precision != Precision::int8) return operand;

  double largest = 0;
  for (double number : operand.steps) largest = larger(largest, std::abs(number));
  if (largest == 0) return operand;
  operand.scale = static_cast<float>(largest / 127);
  for (double& step : operand.steps) step = std::nearbyint(step / operand.scale);
  return operand;
}

Operand as_activations(std::span<const float> row, Precision precision) {
  if (precision != Precision::int8) return as_operand(row, precision);
  Operand operand{{row.begin(), row.end()}};
  double least = 0;
  double largest = 0;
  for (double number : operand.steps) {
    least = smaller(least, number);
    largest = larger(largest, number);
  }
  if (least == largest) return operand;
  operand.scale = static_cast<float>((largest - least) / 255);
  const double zero = std::nearbyint(-least / operand.scale);
  for (double& step : operand.steps) {
    const double place = std::nearbyint(step / operand.scale) + zero;
    step = std::isnan(place) ? place : std::clamp(place, 0.0, 255.0) - zero;
  }
  return operand;
}

double dot(const Operand& a, const Operand& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.steps.size(); ++i) sum += a.steps[i] * b.steps[i];
  return sum * a.scale * b.scale;
}

}  // namespace accelerate::reference

#include "backends/reference/operand.h"

#include <algorithm>
#include <cmath>

#include "backends/four_bits.h"
#include "backends/reference/functions.h"
#include "base/half.h"

namespace accelerate::reference {
namespace {

/// Calls function(first, numbers) for each four_bit_group numbers of the row.
template <typename Function>
void for_each_group(std::span<const float> row, const Function& function) {
  constexpr auto size = static_cast<std::size_t>(four_bit_group);
  for (std::size_t first = 0; first < row.size(); first += size) function(first, row.subspan(first, std::min(size, row.size() - first)));
}

Operand four_bit_weights(std::span<const float> row) {
  Operand operand{{row.begin(), row.end()}};
  std::vector<std::uint8_t> codes(row.size());
  std::vector<float> scales;
  for_each_group(
      row, [&](std::size_t first, std::span<const float> numbers) { scales.push_back(quantise_four_bits(numbers, codes.data() + first)); });
  std::vector<std::uint16_t> halves(scales.size());
  const double factor = halve_scales(scales, halves.data());
  for (std::size_t i = 0; i < row.size(); ++i)
    operand.steps[i] = factor * from_float16(halves[i / static_cast<std::size_t>(four_bit_group)]) * (codes[i] - four_bit_zero);
  return operand;
}

Operand grouped_activations(std::span<const float> row) {
  Operand operand;
  for_each_group(row, [&](std::size_t, std::span<const float> numbers) {
    const Operand group = as_operand(numbers, Precision::int8);
    for (const double step : group.steps) operand.steps.push_back(step * group.scale);
  });
  return operand;
}

}  // namespace

Operand as_operand(std::span<const float> row, Precision precision) {
  if (precision == Precision::int4) return four_bit_weights(row);
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
  if (precision == Precision::int4) return grouped_activations(row);
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

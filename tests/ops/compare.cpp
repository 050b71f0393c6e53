#include "ops/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace accelerate {
namespace {

constexpr double largest_over_l2 = 8;

std::string difference_of_floats(std::span<const float> expected, std::span<const float> actual, double tolerance) {
  double squares = 0;
  double squared_difference = 0;
  double largest = 0;
  double largest_difference = 0;
  std::size_t worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!std::isfinite(expected[i]) || !std::isfinite(actual[i])) {
      const bool same = expected[i] == actual[i] || (std::isnan(expected[i]) && std::isnan(actual[i]));
      if (same) continue;
      return fmt::format("element {} is {}, expected {}", i, actual[i], expected[i]);
    }
    const double difference = std::abs(static_cast<double>(actual[i]) - expected[i]);
    squares += static_cast<double>(expected[i]) * expected[i];
    squared_difference += difference * difference;
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    if (difference > largest_difference) {
      largest_difference = difference;
      worst = i;
    }
  }
  if (std::sqrt(squared_difference) <= tolerance * std::sqrt(squares) && largest_difference <= largest_over_l2 * tolerance * largest)
    return {};
  return fmt::format("relative L2 {:.3g}, largest difference {:.3g} at element {} ({} for {}), tolerance {:.3g}",
                     std::sqrt(squared_difference / squares), largest_difference, worst, actual[worst], expected[worst], tolerance);
}

}  // namespace

std::string difference_between(const Tensor& expected, const Tensor& actual, double tolerance) {
  if (expected.dtype() != actual.dtype() || !std::ranges::equal(expected.shape(), actual.shape()))
    return fmt::format("is {} {}, expected {} {}", name_of(actual.dtype()), shape_text(actual.shape()), name_of(expected.dtype()),
                       shape_text(expected.shape()));
  if (expected.dtype() == DType::float32 && tolerance > 0)
    return difference_of_floats(expected.values<float>(), actual.values<float>(), tolerance);
  const auto [first, second] = std::ranges::mismatch(expected.bytes(), actual.bytes());
  if (first == expected.bytes().end()) return {};
  const auto element = static_cast<std::size_t>(first - expected.bytes().begin()) / size_of(expected.dtype());
  return fmt::format("element {} of {} is the first that differs", element, expected.size());
}

std::string difference_between(const TensorMap& expected, const TensorMap& actual, double tolerance) {
  if (expected.size() != actual.size()) return fmt::format("{} tensors, expected {}", actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    const auto found = actual.find(name);
    if (found == actual.end()) return fmt::format("'{}' is missing", name);
    if (const std::string problem = difference_between(tensor, found->second, tolerance); !problem.empty())
      return fmt::format("'{}': {}", name, problem);
  }
  return {};
}

}  // namespace accelerate

#include "tasks/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "ipfs_accelerate/error.h"

namespace accelerate {

std::vector<float> softmax(std::span<const float> logits) {
  std::vector<float> result(logits.begin(), logits.end());
  if (result.empty()) return result;
  const float top = std::ranges::max(result);
  double sum = 0;
  for (float& value : result) sum += value = std::exp(value - top);
  for (float& value : result) value = static_cast<float>(value / sum);
  return result;
}

float sigmoid(float logit) { return 1 / (1 + std::exp(-logit)); }

float activated(UnaryFunction function, float x) {
  switch (function) {
    case UnaryFunction::tanh:
      return std::tanh(x);
    case UnaryFunction::sigmoid:
      return sigmoid(x);
    case UnaryFunction::relu:
      return std::max(x, 0.0F);
    case UnaryFunction::silu:
      return x * sigmoid(x);
    case UnaryFunction::gelu_erf:
      return x * 0.5F * (1 + std::erf(x / std::sqrt(2.0F)));
    default:
      throw Error(ErrorKind::internal, fmt::format("function {} is no activation of a score", static_cast<int>(function)));
  }
}

std::vector<std::size_t> largest(std::span<const float> values, std::size_t count) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  count = std::min(count, order.size());
  const auto larger = [&](std::size_t a, std::size_t b) { return values[a] != values[b] ? values[a] > values[b] : a < b; };
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(count), larger);
  order.resize(count);
  return order;
}

std::int64_t characters_in(std::string_view text, std::int64_t bytes) {
  const auto starts_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; };
  return std::ranges::count_if(text.substr(0, static_cast<std::size_t>(bytes)), starts_character);
}

}  // namespace accelerate

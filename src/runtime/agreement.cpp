#include "runtime/agreement.h"

#include <algorithm>
#include <span>

namespace accelerate {
namespace {

// Over fewer numbers an angle says little: that of one number is its sign.
constexpr std::int64_t least_row = 16;

double row_agreement(std::span<const float> a, std::span<const float> b) {
  double difference = 0;
  double square = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double distance = static_cast<double>(a[i]) - b[i];
    difference += distance * distance;
    square += static_cast<double>(b[i]) * b[i];
  }
  if (difference == 0) return 1;
  const double likeness = 1 - difference / (2 * square);
  return likeness > 0 ? likeness : 0;  // what is not a number is not above 0
}

double tensor_agreement(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || !std::ranges::equal(a.shape(), b.shape())) return 0;
  if (b.dtype() != DType::float32 || b.size() == 0) return 1;
  const std::int64_t last = b.rank() == 0 ? 1 : b.dim(-1);
  const auto row = static_cast<std::size_t>(last < least_row ? b.size() : last);
  double least = 1;
  for (std::size_t begin = 0; begin < static_cast<std::size_t>(b.size()); begin += row)
    least = std::min(least, row_agreement(a.values<float>().subspan(begin, row), b.values<float>().subspan(begin, row)));
  return least;
}

}  // namespace

double agreement(const TensorMap& outputs, const TensorMap& float32_outputs) {
  double least = 1;
  for (const auto& [name, expected] : float32_outputs) {
    const auto found = outputs.find(name);
    least = std::min(least, found == outputs.end() ? 0 : tensor_agreement(found->second, expected));
  }
  return least;
}

}  // namespace accelerate

#include "server/vectors.h"

#include <cmath>
#include <span>
#include <vector>

#include "server/numbers.h"
#include "tasks/embed.h"

namespace accelerate::server {
namespace {

std::span<const float> row_of(const Tensor& vectors, std::size_t row) {
  const auto width = static_cast<std::size_t>(vectors.dim(1));
  return vectors.values<float>().subspan(row * width, width);
}

/// The row scaled to length 1; as it is where it has that already.
std::vector<float> normalized(std::span<const float> row) {
  double squares = 0;
  for (const float x : row) squares += static_cast<double>(x) * x;
  const double length = std::sqrt(squares);
  std::vector<float> scaled(row.begin(), row.end());
  constexpr double is_one = 1e-5;
  if (length > 0 && std::abs(length - 1) > is_one)
    for (float& x : scaled) x = static_cast<float>(x / length);
  return scaled;
}

}  // namespace

std::string rows_json(const Tensor& vectors, bool normalize) {
  std::string text = "[";
  for (std::size_t row = 0; row < static_cast<std::size_t>(vectors.dim(0)); ++row) {
    if (row > 0) text += ',';
    if (normalize)
      append_floats(text, normalized(row_of(vectors, row)));
    else
      append_floats(text, row_of(vectors, row));
  }
  return text + "]";
}

std::string similarities_json(const Tensor& vectors) {
  std::vector<float> similarities;
  for (std::size_t row = 1; row < static_cast<std::size_t>(vectors.dim(0)); ++row)
    similarities.push_back(cosine(row_of(vectors, 0), row_of(vectors, row)));
  std::string text;
  append_floats(text, similarities);
  return text;
}

}  // namespace accelerate::server

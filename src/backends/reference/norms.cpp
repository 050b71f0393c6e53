// layer_norm, rms_norm, and the fused add_norm and embedding_norm.
#include <cmath>

#include "backends/reference/definitions.h"
#include "backends/reference/gather.h"
#include "backends/reference/indexing.h"

namespace accelerate::reference {
namespace {

/// y = (x - mean) / sqrt(variance + epsilon) · scale + bias; scale and bias may be empty.
void normalise(std::span<const float> x, std::span<const float> scale, std::span<const float> bias, float epsilon, std::span<float> y) {
  const auto count = static_cast<double>(x.size());
  double mean = 0;
  for (float element : x) mean += element / count;
  double variance = 0;
  for (float element : x) variance += (element - mean) * (element - mean) / count;
  const double factor = 1 / std::sqrt(variance + epsilon);
  for (std::size_t i = 0; i < x.size(); ++i) {
    double result = (x[i] - mean) * factor;
    if (!scale.empty()) result *= scale[i];
    if (!bias.empty()) result += bias[i];
    y[i] = static_cast<float>(result);
  }
}

}  // namespace

Tensors layer_norm(const Arguments& arguments) {
  const std::int64_t columns = arguments.input(0).dim(-1);
  Tensor output = arguments.new_output();
  for (std::int64_t row = 0; row < row_count(output); ++row)
    normalise(row_of(arguments.floats(0), row, columns), arguments.floats(1), arguments.floats(2), arguments.options<NormOptions>().epsilon,
              row_of(output.mutable_values<float>(), row, columns));
  return {output};
}

Tensors rms_norm(const Arguments& arguments) {
  const std::int64_t columns = arguments.input(0).dim(-1);
  const auto scale = arguments.floats(1);
  Tensor output = arguments.new_output();
  for (std::int64_t row = 0; row < row_count(output); ++row) {
    const auto x = row_of(arguments.floats(0), row, columns);
    const auto y = row_of(output.mutable_values<float>(), row, columns);
    double mean_square = 0;
    for (float element : x) mean_square += static_cast<double>(element) * element / static_cast<double>(columns);
    const double factor = 1 / std::sqrt(mean_square + arguments.options<NormOptions>().epsilon);
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = static_cast<float>(x[i] * factor * (scale.empty() ? 1 : scale[i]));
  }
  return {output};
}

Tensors add_norm(const Arguments& arguments) {
  const std::int64_t columns = arguments.input(0).dim(-1);
  Tensor normalised = arguments.new_output();
  Tensor sum = arguments.new_output();
  const auto sums = sum.mutable_values<float>();
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = arguments.floats(0)[i] + arguments.floats(1)[i];
  for (std::int64_t row = 0; row < row_count(sum); ++row)
    normalise(row_of(sum.values<float>(), row, columns), arguments.floats(2), arguments.floats(3), arguments.options<NormOptions>().epsilon,
              row_of(normalised.mutable_values<float>(), row, columns));
  return {normalised, sum};
}

Tensors embedding_norm(const Arguments& arguments) {
  Tensor output = arguments.new_output();
  const std::int64_t columns = output.dim(-1);
  std::vector<float> sum(static_cast<std::size_t>(columns));
  for (std::int64_t token = 0; token < row_count(output); ++token) {
    sum.assign(sum.size(), 0);
    for (std::size_t table = 2; table < arguments.inputs.size(); table += 2) {
      const auto row = row_of(arguments.floats(table), gathered_row(arguments, table, table + 1, token), columns);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += row[i];
    }
    normalise(sum, arguments.floats(0), arguments.floats(1), arguments.options<NormOptions>().epsilon,
              row_of(output.mutable_values<float>(), token, columns));
  }
  return {output};
}

}  // namespace accelerate::reference

// reduce, softmax.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "backends/reference/definitions.h"
#include "backends/reference/functions.h"
#include "backends/reference/indexing.h"

namespace accelerate::reference {

Tensors reduce(const Arguments& arguments) {
  const auto& options = arguments.options<ReduceOptions>();
  const Tensor& x = arguments.input(0);
  const std::int64_t count = x.dim(options.axis);
  if (count == 0 && (options.function == Reduction::maximum || options.function == Reduction::minimum))
    arguments.fail(fmt::format("{} of no elements: the input is {}", name_of(options.function), shape_text(x.shape())));
  Tensor output = arguments.new_output();
  std::vector<std::int64_t> source;
  std::size_t next = 0;
  for_each_index(output.shape(), [&](std::span<const std::int64_t> index) {
    source.assign(index.begin(), index.end());
    double sum = 0;
    double largest = -std::numeric_limits<double>::infinity();
    double least = std::numeric_limits<double>::infinity();
    for (std::int64_t i = 0; i < count; ++i) {
      source[static_cast<std::size_t>(options.axis)] = i;
      const double element = x.values<float>()[static_cast<std::size_t>(place_of(source, x.shape()))];
      sum += element;
      largest = larger(largest, element);
      least = smaller(least, element);
    }
    const double results[] = {sum, sum / static_cast<double>(count), largest, least};  // in the order of Reduction
    output.mutable_values<float>()[next++] = static_cast<float>(results[static_cast<std::size_t>(options.function)]);
  });
  return {output};
}

Tensors softmax(const Arguments& arguments) {
  const bool logarithm = arguments.options<SoftmaxOptions>().logarithm;
  const std::int64_t columns = arguments.input(0).dim(-1);
  Tensor output = arguments.new_output();
  for (std::int64_t row = 0; row < row_count(output); ++row) {
    const auto x = row_of(arguments.floats(0), row, columns);
    const auto y = row_of(output.mutable_values<float>(), row, columns);
    // Taking the largest away changes nothing but keeps the exponentials finite.
    double largest = -std::numeric_limits<double>::infinity();
    for (float element : x) largest = larger(largest, element);
    double sum = 0;
    for (float element : x) sum += std::exp(element - largest);
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] = static_cast<float>(logarithm ? x[i] - largest - std::log(sum) : std::exp(x[i] - largest) / sum);
  }
  return {output};
}

}  // namespace accelerate::reference

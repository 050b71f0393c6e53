// rope.
#include <algorithm>

#include "backends/reference/definitions.h"
#include "backends/reference/indexing.h"

namespace accelerate::reference {

Tensors rope(const Arguments& arguments) {
  const Tensor& x = arguments.input(0);
  const std::int64_t heads = x.dim(1);
  const std::int64_t size = x.dim(2);
  const std::int64_t pairs = arguments.input(1).dim(1);
  const bool interleaved = arguments.options<RopeOptions>().interleaved;
  Tensor output = arguments.new_output();
  for (std::int64_t row = 0; row < x.dim(0) * heads; ++row) {
    const auto from = row_of(arguments.floats(0), row, size);
    const auto to = row_of(output.mutable_values<float>(), row, size);
    const auto cosines = row_of(arguments.floats(1), row / heads, pairs);
    const auto sines = row_of(arguments.floats(2), row / heads, pairs);
    std::ranges::copy(from, to.begin());
    for (std::size_t i = 0; i < cosines.size(); ++i) {
      const std::size_t first = interleaved ? 2 * i : i;
      const std::size_t second = interleaved ? 2 * i + 1 : i + cosines.size();
      const double a = from[first];
      const double b = from[second];
      to[first] = static_cast<float>(a * cosines[i] - b * sines[i]);
      to[second] = static_cast<float>(b * cosines[i] + a * sines[i]);
    }
  }
  return {output};
}

}  // namespace accelerate::reference

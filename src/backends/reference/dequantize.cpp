// dequantize.
#include "backends/reference/definitions.h"

namespace accelerate::reference {

Tensors dequantize(const Arguments& arguments) {
  const auto& options = arguments.options<DequantizeOptions>();
  const auto codes = arguments.whole_numbers(0);
  const auto scales = arguments.floats(1);
  const auto offsets = arguments.floats(2);
  const std::int64_t stored_columns = arguments.input(0).dim(1);
  const std::int64_t groups = arguments.input(1).dim(1);
  Tensor output = arguments.new_output();
  const auto numbers = output.mutable_values<float>();
  std::size_t next = 0;
  for (std::int64_t row = 0; row < output.dim(0); ++row) {
    for (std::int64_t column = 0; column < options.columns; ++column) {
      const std::int64_t stored = codes[static_cast<std::size_t>(row * stored_columns + (options.bits == 4 ? column / 2 : column))];
      const std::int64_t code = options.bits == 8 ? stored : column % 2 == 0 ? stored % 16 : stored / 16;
      const std::int64_t group =
          arguments.has(3) ? arguments.whole_numbers(3)[static_cast<std::size_t>(column)] : column / options.group_size;
      const auto place = static_cast<std::size_t>(row * groups + group);
      const double offset = offsets.empty() ? 0.0 : offsets[place];
      numbers[next++] = static_cast<float>(static_cast<double>(scales[place]) * static_cast<double>(code - options.zero) + offset);
    }
  }
  return {output};
}

}  // namespace accelerate::reference

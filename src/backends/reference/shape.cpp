// reshape, transpose, slice, concat: elements move, none is computed.
#include <fmt/format.h>

#include "backends/reference/definitions.h"
#include "backends/reference/indexing.h"

namespace accelerate::reference {

Tensors reshape(const Arguments& arguments) {
  return {arguments.input(0).reshaped(evaluate(arguments.options<ReshapeOptions>().shape, arguments.sizes))};
}

Tensors transpose(const Arguments& arguments) {
  const Tensor& x = arguments.input(0);
  const std::vector<int>& permutation = arguments.options<TransposeOptions>().permutation;
  Tensor output = arguments.new_output();
  std::vector<std::int64_t> source(permutation.size());
  std::int64_t next = 0;
  for_each_index(output.shape(), [&](std::span<const std::int64_t> index) {
    for (std::size_t axis = 0; axis < index.size(); ++axis) source[static_cast<std::size_t>(permutation[axis])] = index[axis];
    copy_elements(x, place_of(source, x.shape()), output, next++);
  });
  return {output};
}

Tensors slice(const Arguments& arguments) {
  const Tensor& x = arguments.input(0);
  const auto& options = arguments.options<SliceOptions>();
  const std::int64_t start = options.start.evaluate(arguments.sizes);
  const std::int64_t stop = options.stop.evaluate(arguments.sizes);
  if (start < 0 || stop < start || stop > x.dim(options.axis))
    arguments.fail(fmt::format("[{}, {}) of axis {} of {}", start, stop, options.axis, shape_text(x.shape())));
  Tensor output = arguments.new_output();
  std::vector<std::int64_t> source(x.shape().size());
  std::int64_t next = 0;
  for_each_index(output.shape(), [&](std::span<const std::int64_t> index) {
    source.assign(index.begin(), index.end());
    std::int64_t& along_axis = source[static_cast<std::size_t>(options.axis)];
    along_axis = start + along_axis * options.step;
    copy_elements(x, place_of(source, x.shape()), output, next++);
  });
  return {output};
}

Tensors concat(const Arguments& arguments) {
  const auto axis = static_cast<std::size_t>(arguments.options<AxisOptions>().axis);
  Tensor output = arguments.new_output();
  std::vector<std::int64_t> target(output.shape().size());
  std::int64_t start = 0;
  for (const Tensor& x : arguments.inputs) {
    std::int64_t next = 0;
    for_each_index(x.shape(), [&](std::span<const std::int64_t> index) {
      target.assign(index.begin(), index.end());
      target[axis] += start;
      copy_elements(x, next++, output, place_of(target, output.shape()));
    });
    start += x.shape()[axis];
  }
  return {output};
}

}  // namespace accelerate::reference

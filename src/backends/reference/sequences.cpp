// sequence_cumsum, sequence_shift, sequence_pool.
#include "backends/reference/sequences.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/reference/functions.h"
#include "backends/reference/indexing.h"

namespace accelerate::reference {

std::span<const std::int64_t> sequence_bounds(const Arguments& arguments, std::size_t index, std::int64_t tokens) {
  const auto bounds = arguments.whole_numbers(index);
  if (bounds.empty() || bounds.front() != 0) arguments.fail("sequences do not begin at 0");
  if (const auto drop = std::ranges::adjacent_find(bounds, std::ranges::greater()); drop != bounds.end())
    arguments.fail(fmt::format("sequences descend from {} to {} at position {}", drop[0], drop[1], drop - bounds.begin() + 1));
  if (bounds.back() != tokens) arguments.fail(fmt::format("sequences end at {}, expected the number of tokens, {}", bounds.back(), tokens));
  return bounds;
}

Tensors sequence_cumsum(const Arguments& arguments) {
  const auto x = arguments.whole_numbers(0);
  const auto bounds = sequence_bounds(arguments, 1, arguments.input(0).dim(0));
  Tensor output = arguments.new_output();
  const auto results = output.mutable_values<std::int64_t>();
  for (std::size_t sequence = 0; sequence + 1 < bounds.size(); ++sequence) {
    std::int64_t sum = 0;
    for (auto token = static_cast<std::size_t>(bounds[sequence]); token < static_cast<std::size_t>(bounds[sequence + 1]); ++token) {
      sum = apply(BinaryFunction::add, sum, x[token]);
      results[token] = sum;
    }
  }
  return {output};
}

Tensors sequence_shift(const Arguments& arguments) {
  const std::int64_t offset = arguments.options<ShiftOptions>().offset;
  const std::int64_t tokens = arguments.input(0).dim(0);
  const auto bounds = sequence_bounds(arguments, 1, tokens);
  Tensor output = arguments.new_output();
  const std::int64_t columns = tokens == 0 ? 0 : output.size() / tokens;
  for (std::size_t sequence = 0; sequence + 1 < bounds.size(); ++sequence)
    for (std::int64_t token = bounds[sequence]; token < bounds[sequence + 1]; ++token)
      if (token + offset >= bounds[sequence] && token + offset < bounds[sequence + 1])
        copy_elements(arguments.input(0), (token + offset) * columns, output, token * columns, columns);
  return {output};
}

Tensors sequence_pool(const Arguments& arguments) {
  const Pooling pooling = arguments.options<PoolOptions>().function;
  const std::int64_t tokens = arguments.input(0).dim(0);
  const auto bounds = sequence_bounds(arguments, 1, tokens);
  Tensor output = arguments.new_output();
  const auto sequences = static_cast<std::int64_t>(bounds.size()) - 1;
  const std::int64_t columns = sequences == 0 ? 0 : output.size() / sequences;
  for (std::int64_t sequence = 0; sequence < sequences; ++sequence) {
    const std::int64_t first = bounds[static_cast<std::size_t>(sequence)];
    const std::int64_t end = bounds[static_cast<std::size_t>(sequence) + 1];
    if (first == end && (pooling == Pooling::mean || pooling == Pooling::sum)) continue;
    if (first == end) arguments.fail(fmt::format("sequence {} is empty and has no {} row", sequence, name_of(pooling)));
    for (std::int64_t column = 0; column < columns; ++column) {
      const auto at = [&](std::int64_t row) {
        return static_cast<double>(row_of(arguments.floats(0), row, columns)[static_cast<std::size_t>(column)]);
      };
      double sum = 0;
      double largest = at(first);
      for (std::int64_t row = first; row < end; ++row) {
        sum += at(row);
        largest = larger(largest, at(row));
      }
      const double results[] = {sum / static_cast<double>(end - first), largest, sum, at(first), at(end - 1)};  // in the order of Pooling
      row_of(output.mutable_values<float>(), sequence, columns)[static_cast<std::size_t>(column)] =
          static_cast<float>(results[static_cast<std::size_t>(pooling)]);
    }
  }
  return {output};
}

}  // namespace accelerate::reference

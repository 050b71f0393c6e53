// Ops that make one element of many along an axis: reduce, and sequence_pool and sequence_cumsum over ragged sequences.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "backends/cpu/general_ops.h"

namespace accelerate::cpu {
namespace {

/// Columns that are reduced side by side, with their sums close at hand.
constexpr std::int64_t block_columns = 64;

/// Rows of numbers that become one row, column by column.
struct Rows {
  const float* first;
  std::int64_t count;
  std::int64_t stride;
  std::int64_t columns;  ///< at most block_columns
};

/// The function of each column. Sums are taken in double; a NaN in a column makes its largest and least NaN.
void reduce_rows(Reduction function, const Rows& rows, float* y) {
  const double identity = function == Reduction::maximum   ? -std::numeric_limits<double>::infinity()
                          : function == Reduction::minimum ? std::numeric_limits<double>::infinity()
                                                           : 0.0;
  std::array<double, block_columns> results;
  results.fill(identity);
  const auto columns = static_cast<std::size_t>(rows.columns);
  for (std::int64_t row = 0; row < rows.count; ++row) {
    const float* x = rows.first + row * rows.stride;
    switch (function) {
      case Reduction::sum:
      case Reduction::mean:
        for (std::size_t i = 0; i < columns; ++i) results[i] += static_cast<double>(x[i]);
        break;
      case Reduction::maximum:
        for (std::size_t i = 0; i < columns; ++i) results[i] = x[i] > results[i] || std::isnan(x[i]) ? x[i] : results[i];
        break;
      case Reduction::minimum:
        for (std::size_t i = 0; i < columns; ++i) results[i] = x[i] < results[i] || std::isnan(x[i]) ? x[i] : results[i];
        break;
    }
  }
  const double divisor = function == Reduction::mean ? static_cast<double>(rows.count) : 1.0;
  for (std::size_t i = 0; i < columns; ++i) y[i] = static_cast<float>(results[i] / divisor);
}

/// Input 1 as bounds of sequences over `tokens` rows: sequence i is rows [bounds[i], bounds[i + 1]). Throws invalid_argument
/// unless they begin at 0, do not descend, and end at `tokens`.
std::span<const std::int64_t> sequence_bounds(const GeneralCall& call, std::int64_t tokens) {
  const std::span<const std::int64_t> bounds(elements<std::int64_t>(call.inputs[1]), static_cast<std::size_t>(call.inputs[1].shape[0]));
  if (bounds.empty() || bounds.front() != 0) throw call.invalid("sequences do not begin at 0");
  for (std::size_t i = 1; i < bounds.size(); ++i)
    if (bounds[i] < bounds[i - 1])
      throw call.invalid(fmt::format("sequences descend from {} to {} at position {}", bounds[i - 1], bounds[i], i));
  if (bounds.back() != tokens)
    throw call.invalid(fmt::format("sequences end at {}, expected the number of tokens, {}", bounds.back(), tokens));
  return bounds;
}

/// The row of one sequence's results for the columns of `rows`.
void pool_rows(Pooling function, const Rows& rows, float* y) {
  switch (function) {
    case Pooling::mean:
      // The mean of an empty sequence is 0, as its sum is.
      return reduce_rows(rows.count == 0 ? Reduction::sum : Reduction::mean, rows, y);
    case Pooling::maximum:
      return reduce_rows(Reduction::maximum, rows, y);
    case Pooling::sum:
      return reduce_rows(Reduction::sum, rows, y);
    case Pooling::first:
      std::copy_n(rows.first, rows.columns, y);
      return;
    case Pooling::last:
      std::copy_n(rows.first + (rows.count - 1) * rows.stride, rows.columns, y);
      return;
  }
}

}  // namespace

void run_reduce(const GeneralCall& call) {
  const auto& options = call.node.as<ReduceOptions>();
  const std::span<const std::int64_t> shape = call.inputs[0].shape;
  const auto axis = static_cast<std::size_t>(options.axis);
  const std::int64_t count = shape[axis];
  if (count == 0 && (options.function == Reduction::maximum || options.function == Reduction::minimum))
    throw call.invalid(fmt::format("{} of no elements: the input is {}", name_of(options.function), shape_text(shape)));

  const std::int64_t columns = count_of(shape.subspan(axis + 1));
  const std::int64_t blocks = divide_up(columns, block_columns);
  for_chunks(call.threads, count_of(shape.first(axis)) * blocks, items_per_chunk(count * std::min(columns, block_columns)),
             [&](std::int64_t begin, std::int64_t end) {
               for (std::int64_t item = begin; item < end; ++item) {
                 const std::int64_t outer = item / blocks;
                 const std::int64_t column = item % blocks * block_columns;
                 reduce_rows(options.function,
                             {.first = elements<float>(call.inputs[0]) + outer * count * columns + column,
                              .count = count,
                              .stride = columns,
                              .columns = std::min(block_columns, columns - column)},
                             elements<float>(call.output) + outer * columns + column);
               }
             });
}

void run_sequence_pool(const GeneralCall& call) {
  const Pooling function = call.node.as<PoolOptions>().function;
  const std::span<const std::int64_t> shape = call.inputs[0].shape;
  const std::span<const std::int64_t> bounds = sequence_bounds(call, shape[0]);
  const auto sequences = static_cast<std::int64_t>(bounds.size()) - 1;
  if (function != Pooling::mean && function != Pooling::sum)
    for (std::size_t i = 1; i < bounds.size(); ++i)
      if (bounds[i] == bounds[i - 1]) throw call.invalid(fmt::format("sequence {} is empty and has no {} row", i - 1, name_of(function)));

  const std::int64_t columns = count_of(shape.subspan(1));
  const std::int64_t blocks = divide_up(columns, block_columns);
  const std::int64_t typical_rows = divide_up(shape[0], std::max<std::int64_t>(1, sequences));
  for_chunks(call.threads, sequences * blocks, items_per_chunk(typical_rows * std::min(columns, block_columns)),
             [&](std::int64_t begin, std::int64_t end) {
               for (std::int64_t item = begin; item < end; ++item) {
                 const std::int64_t sequence = item / blocks;
                 const std::int64_t column = item % blocks * block_columns;
                 const std::int64_t first = bounds[static_cast<std::size_t>(sequence)];
                 pool_rows(function,
                           {.first = elements<float>(call.inputs[0]) + first * columns + column,
                            .count = bounds[static_cast<std::size_t>(sequence) + 1] - first,
                            .stride = columns,
                            .columns = std::min(block_columns, columns - column)},
                           elements<float>(call.output) + sequence * columns + column);
               }
             });
}

void run_sequence_cumsum(const GeneralCall& call) {
  const std::int64_t tokens = call.inputs[0].shape[0];
  const std::span<const std::int64_t> bounds = sequence_bounds(call, tokens);
  const auto* x = elements<std::int64_t>(call.inputs[0]);
  auto* y = elements<std::int64_t>(call.output);
  for (std::size_t i = 1; i < bounds.size(); ++i) {
    std::uint64_t sum = 0;  // wraps around where a signed sum is undefined
    for (std::int64_t token = bounds[i - 1]; token < bounds[i]; ++token) {
      sum += static_cast<std::uint64_t>(x[token]);
      y[token] = static_cast<std::int64_t>(sum);
    }
  }
}

void run_sequence_shift(const GeneralCall& call) {
  const std::int64_t offset = call.node.as<ShiftOptions>().offset;
  const std::span<const std::int64_t> shape = call.inputs[0].shape;
  const std::span<const std::int64_t> bounds = sequence_bounds(call, shape[0]);
  const std::int64_t columns = count_of(shape.subspan(1));
  const auto* x = elements<float>(call.inputs[0]);
  auto* y = elements<float>(call.output);
  for (std::size_t i = 1; i < bounds.size(); ++i) {
    const std::int64_t length = bounds[i] - bounds[i - 1];
    // Rows [first, last) of the sequence have a counterpart within it.
    const std::int64_t first = std::clamp<std::int64_t>(-offset, 0, length);
    const std::int64_t last = std::clamp<std::int64_t>(length - offset, first, length);
    float* rows = y + bounds[i - 1] * columns;
    std::fill(rows, rows + first * columns, 0.0F);
    if (first < last) std::copy_n(x + (bounds[i - 1] + first + offset) * columns, (last - first) * columns, rows + first * columns);
    std::fill(rows + last * columns, rows + length * columns, 0.0F);
  }
}

}  // namespace accelerate::cpu

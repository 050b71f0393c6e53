#include "backends/reference/gather.h"

#include <fmt/format.h>

#include "backends/reference/indexing.h"

namespace accelerate::reference {

std::int64_t gathered_row(const Arguments& arguments, std::size_t table, std::size_t indices, std::int64_t position) {
  const std::int64_t row = arguments.whole_numbers(indices)[static_cast<std::size_t>(position)];
  const std::int64_t rows = arguments.input(table).dim(0);
  if (row < 0 || row >= rows)
    arguments.fail(
        fmt::format("index {} at position {} is outside the table of {} rows{}", row, position, rows, arguments.name_of_input(table)));
  return row;
}

Tensors gather(const Arguments& arguments) {
  const Tensor& table = arguments.input(0);
  Tensor output = arguments.new_output();
  std::int64_t columns = 1;
  for (std::int64_t size : table.shape().subspan(1)) columns *= size;
  for (std::int64_t position = 0; position < arguments.input(1).size(); ++position)
    copy_elements(table, gathered_row(arguments, 0, 1, position) * columns, output, position * columns, columns);
  return {output};
}

Tensors scatter(const Arguments& arguments) {
  const Tensor& x = arguments.input(0);
  Tensor output = arguments.new_output();
  copy_elements(x, 0, output, 0, x.size());
  const std::int64_t columns = x.dim(0) == 0 ? 0 : x.size() / x.dim(0);
  for (std::int64_t position = 0; position < arguments.input(1).size(); ++position)
    copy_elements(arguments.input(2), position * columns, output, gathered_row(arguments, 0, 1, position) * columns, columns);
  return {output};
}

}  // namespace accelerate::reference

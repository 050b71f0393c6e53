// matmul, linear, grouped_linear.
#include <algorithm>

#include "backends/reference/definitions.h"
#include "backends/reference/functions.h"
#include "backends/reference/indexing.h"
#include "backends/reference/operand.h"

namespace accelerate::reference {

Tensors matmul(const Arguments& arguments) {
  const auto& options = arguments.options<MatmulOptions>();
  const Tensor& a = arguments.input(0);
  const Tensor& b = arguments.input(1);
  const std::int64_t inner = a.dim(options.transpose_a ? -2 : -1);
  Tensor output = arguments.new_output();
  std::vector<std::int64_t> a_index;
  std::vector<std::int64_t> b_index;
  std::size_t next = 0;
  for_each_index(output.shape(), [&](std::span<const std::int64_t> index) {
    a_index.assign(index.begin(), index.end());
    b_index.assign(index.begin(), index.end());
    const std::size_t row_axis = index.size() - 2;
    const std::size_t column_axis = index.size() - 1;
    double sum = 0;
    for (std::int64_t i = 0; i < inner; ++i) {
      a_index[row_axis] = options.transpose_a ? i : index[row_axis];
      a_index[column_axis] = options.transpose_a ? index[row_axis] : i;
      b_index[row_axis] = options.transpose_b ? index[column_axis] : i;
      b_index[column_axis] = options.transpose_b ? i : index[column_axis];
      sum += static_cast<double>(a.values<float>()[static_cast<std::size_t>(place_of(a_index, a.shape()))]) *
             b.values<float>()[static_cast<std::size_t>(place_of(b_index, b.shape()))];
    }
    output.mutable_values<float>()[next++] = static_cast<float>(sum);
  });
  return {output};
}

namespace {

/// Whether the value is numbers of stored codes, which are not rounded again.
bool is_coded(const Graph& graph, ValueId value) {
  const Node& producer = graph.producer(value);
  const bool arranges = producer.op == Op::concat || producer.op == Op::transpose;
  return producer.op == Op::dequantize ||
         (arranges && std::ranges::all_of(producer.inputs, [&](ValueId input) { return is_coded(graph, input); }));
}

bool multiplies_steps(Precision precision) { return precision == Precision::int8 || precision == Precision::int4; }

}  // namespace

Tensors linear(const Arguments& arguments) {
  const auto& options = arguments.options<LinearOptions>();
  const bool coded = multiplies_steps(options.precision) && is_coded(arguments.graph, arguments.node.inputs[1]);
  const Precision of_weights = coded ? Precision::fp32 : options.precision;
  const Precision of_activations = coded ? Precision::int4 : options.precision;
  const std::int64_t columns = arguments.input(0).dim(-1);
  const std::int64_t rows = row_count(arguments.input(0));
  const std::int64_t outputs = arguments.input(1).dim(0);
  const auto bias = arguments.floats(2);
  const auto residual = arguments.floats(3);

  std::vector<Operand> x;
  for (std::int64_t row = 0; row < rows; ++row) x.push_back(as_activations(row_of(arguments.floats(0), row, columns), of_activations));
  Tensor output = arguments.new_output();
  const auto results = output.mutable_values<float>();
  for (std::int64_t column = 0; column < outputs; ++column) {
    const Operand weight = as_operand(row_of(arguments.floats(1), column, columns), of_weights);
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto place = static_cast<std::size_t>(row * outputs + column);
      double result = dot(x[static_cast<std::size_t>(row)], weight);
      if (!bias.empty()) result += bias[static_cast<std::size_t>(column)];
      if (options.activation) result = apply(*options.activation, result);
      if (!residual.empty()) result += residual[place];
      results[place] = static_cast<float>(result);
    }
  }
  return {output};
}

Tensors grouped_linear(const Arguments& arguments) {
  const Precision precision = arguments.options<LinearOptions>().precision;
  const std::int64_t groups = arguments.input(1).dim(0);
  const std::int64_t outputs = arguments.input(1).dim(1);
  const std::int64_t columns = arguments.input(1).dim(2);
  const auto bias = arguments.floats(2);
  Tensor output = arguments.new_output();
  const auto results = output.mutable_values<float>();
  for (std::int64_t row = 0; row < row_count(arguments.input(0)); ++row) {  // a row is one group's
    const std::int64_t group = row % groups;
    const Operand x = as_activations(row_of(arguments.floats(0), row, columns), precision);
    for (std::int64_t column = 0; column < outputs; ++column) {
      const std::int64_t own = group * outputs + column;
      double result = dot(x, as_operand(row_of(arguments.floats(1), own, columns), precision));
      if (!bias.empty()) result += bias[static_cast<std::size_t>(own)];
      results[static_cast<std::size_t>(row * outputs + column)] = static_cast<float>(result);
    }
  }
  return {output};
}

}  // namespace accelerate::reference

#include "gemm_cases.h"

#include <algorithm>
#include <bit>

#include "base/half.h"

namespace accelerate::cpu {
namespace {

/// A linear's weights as the kernels want them, and the memory that they lie in.
struct Packed {
  Memory panels;
  std::vector<float> scales;
  std::vector<std::int32_t> sums;
  PackedWeights weights;
};

Packed pack(const KernelTable& table, Precision precision, const Matrix& weights) {
  const std::int64_t columns = table.gemm_shape(precision).panel_columns;
  const std::int64_t panels = (weights.rows + columns - 1) / columns;
  Packed packed{Memory(table.packed_bytes(precision, weights.rows, weights.columns)),
                std::vector<float>(panels * columns),
                std::vector<std::int32_t>(panels * columns),
                {}};
  packed.weights = {.precision = precision,
                    .outputs = weights.rows,
                    .inputs = weights.columns,
                    .panels = packed.panels.data(),
                    .scales = packed.scales.data(),
                    .sums = packed.sums.data()};
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    const std::int64_t first = panel * columns;
    table.pack_panel(packed.weights, panel, weights.data() + first * weights.stride, std::min(columns, weights.rows - first));
  }
  return packed;
}

/// A row of weights as the products see it: rounded to bfloat16, or to 127 steps either side of 0.
std::vector<double> rounded_weights(Precision precision, const float* row, std::int64_t count) {
  float largest = 0.0F;
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(row[i]));
  std::vector<double> result(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const float x = row[i];
    double& y = result[static_cast<std::size_t>(i)];
    switch (precision) {
      case Precision::fp32:
        y = x;
        break;
      case Precision::fp16:
        y = round_to_float16(x);
        break;
      case Precision::bf16:
        y = round_to_bfloat16(x);
        break;
      case Precision::int4:
        throw std::logic_error("int4 has kernels of its own");
      case Precision::int8:
        y = largest == 0.0F ? 0.0 : std::nearbyint(x * (127.0F / largest)) * (static_cast<double>(largest) / 127.0);
        break;
    }
  }
  return result;
}

/// A row of activations as the products see it: at int8 in 255 steps from its least to its largest number.
std::vector<double> rounded_activations(Precision precision, const float* row, std::int64_t count) {
  if (precision != Precision::int8) return rounded_weights(precision, row, count);
  const float low = std::min(0.0F, *std::min_element(row, row + count));
  const float range = std::max(0.0F, *std::max_element(row, row + count)) - low;
  std::vector<double> result(static_cast<std::size_t>(count), 0.0);
  if (range == 0.0F) return result;
  const float factor = 255.0F / range;
  const double zero = std::nearbyint(-low * factor);
  for (std::int64_t i = 0; i < count; ++i) {
    const double step = std::clamp(std::nearbyint(row[i] * factor) + zero, 0.0, 255.0);
    result[static_cast<std::size_t>(i)] = (step - zero) * (static_cast<double>(range) / 255.0);
  }
  return result;
}

double activated(std::optional<UnaryFunction> function, double x) {
  if (!function) return x;
  switch (*function) {
    case UnaryFunction::gelu_erf:
      return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case UnaryFunction::tanh:
      return std::tanh(x);
    case UnaryFunction::relu:
      return std::max(x, 0.0);
    case UnaryFunction::sine:
      return std::sin(x);
    default:
      throw std::logic_error("no such activation in the gemm cases");
  }
}

}  // namespace

void check_gemm(const KernelTable& table, const GemmCase& test) {
  SCOPED_TRACE(testing::Message() << name_of(test.precision) << " rows " << test.rows << " inputs " << test.inputs << " outputs "
                                  << test.outputs);
  const Matrix x = Matrix::random(test.rows, test.inputs, 1, test.gap);
  const Matrix w = Matrix::random(test.outputs, test.inputs, 2);
  const Matrix bias = Matrix::random(1, test.outputs, 3);
  Matrix output(test.rows, test.outputs, test.gap);
  const Matrix residual = Matrix::random(test.rows, test.outputs, 4, test.gap);
  // The residual may be the output itself: every other case runs so.
  const bool in_place = test.residual && test.rows % 2 == 0;
  if (in_place) output = residual;

  const Packed packed = pack(table, test.precision, w);
  const Memory memory(table.prepared_bytes(test.precision, test.rows, test.inputs));
  const auto prepare = [&](std::int64_t first, std::int64_t last) {
    return table.prepare({.precision = test.precision,
                          .x = x.data(),
                          .stride = x.stride,
                          .rows = test.rows,
                          .inputs = test.inputs,
                          .first_row = first,
                          .last_row = last,
                          .memory = memory.data()});
  };
  // In two parts, as two threads would.
  prepare(test.rows / 3, test.rows);
  const void* prepared = prepare(0, test.rows / 3);
  const std::int64_t columns = table.gemm_shape(test.precision).panel_columns;
  const std::int64_t panels = (test.outputs + columns - 1) / columns;
  for (const auto& [first, last] : {std::pair<std::int64_t, std::int64_t>{panels / 2, panels}, {0, panels / 2}}) {
    table.gemm({.weights = packed.weights,
                .prepared = prepared,
                .rows = test.rows,
                .first_panel = first,
                .last_panel = last,
                .output = output.data(),
                .output_stride = output.stride,
                .tail = {.bias = test.bias ? bias.data() : nullptr,
                         .activation = test.activation ? &*test.activation : nullptr,
                         .residual = !test.residual ? nullptr
                                     : in_place     ? output.data()
                                                    : residual.data(),
                         .residual_stride = residual.stride}},
               x.stride);
  }

  std::vector<std::vector<double>> weights;
  for (std::int64_t column = 0; column < test.outputs; ++column) {
    weights.push_back(rounded_weights(test.precision, w.data() + column * w.stride, test.inputs));
  }
  const double tolerance = 4e-6 * std::sqrt(static_cast<double>(test.inputs)) + 2e-6;
  for (std::int64_t row = 0; row < test.rows; ++row) {
    const std::vector<double> activations = rounded_activations(test.precision, x.data() + row * x.stride, test.inputs);
    for (std::int64_t column = 0; column < test.outputs; ++column) {
      double sum = 0.0;
      for (std::int64_t i = 0; i < test.inputs; ++i) sum += activations[i] * weights[column][i];
      double expected = activated(test.activation, sum + (test.bias ? bias.at(0, column) : 0.0));
      if (test.residual) expected += residual.at(row, column);
      ASSERT_NEAR(output.at(row, column), expected, tolerance) << "row " << row << " column " << column;
    }
    for (std::int64_t column = test.outputs; column < (row + 1 < test.rows ? output.stride : 0); ++column) {
      ASSERT_TRUE(std::isnan(output.at(row, column))) << "written past row " << row << " at column " << column;
    }
  }
}

}  // namespace accelerate::cpu

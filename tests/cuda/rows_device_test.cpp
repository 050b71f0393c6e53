// Kernels that take rows, and those around products, on a device beside plain loops.
#include <algorithm>
#include <limits>
#include <memory>
#include <span>

#include "backends/reference/functions.h"
#include "backends/reference/operand.h"
#include "cuda/device_arrays.h"

namespace accelerate::cuda {
namespace {

using RowKernels = OnDevice;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// Sizes of rows that reach each kind of team, with and without a remainder of eight.
constexpr std::int64_t row_sizes[] = {1, 7, 64, 100, 256, 257, 384, 768, 1000, 1024, 2048, 3072, 4096, 8192, 9000, 9001, 20000};

std::string text_of(Element element, std::int64_t columns) {
  return "element " + std::to_string(static_cast<int>(element)) + ", " + std::to_string(columns) + " columns";
}

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

/// (x - mean) / sqrt(variance + epsilon) · scale + bias, row by row; without the mean when not centred.
std::vector<double> normalised(const std::vector<float>& x, std::int64_t columns, const std::vector<float>& scale,
                               const std::vector<float>& bias, double epsilon, bool is_centred) {
  std::vector<double> y(x.size());
  for (std::size_t first = 0; first < x.size(); first += size(columns)) {
    double mean = 0;
    for (std::size_t i = 0; i < size(columns) && is_centred; ++i) mean += x[first + i] / static_cast<double>(columns);
    double variance = 0;
    for (std::size_t i = 0; i < size(columns); ++i)
      variance += (x[first + i] - mean) * (x[first + i] - mean) / static_cast<double>(columns);
    for (std::size_t i = 0; i < size(columns); ++i)
      y[first + i] = (x[first + i] - mean) / std::sqrt(variance + epsilon) * scale[i] + (bias.empty() ? 0.0 : static_cast<double>(bias[i]));
  }
  return y;
}

/// Room for rows at int8.
struct DeviceCodes {
  DeviceCodes(std::int64_t rows, std::int64_t row_stride)
      : stride(row_stride), codes(size(rows * row_stride)), scales(size(rows)), offsets(size(rows)) {}

  QuantisedRows rows() const { return {codes.data(), stride, scales.data(), offsets.data()}; }

  std::int64_t stride;
  DeviceArray<std::int8_t> codes;
  DeviceArray<float> scales;
  DeviceArray<std::int32_t> offsets;
};

/// The codes stand for numbers that are within `steps` steps of the values, and pads are zeros.
void expect_codes(const DeviceCodes& quantised, const std::vector<double>& values, std::int64_t columns, double steps,
                  const std::string& what) {
  const auto codes = quantised.codes.numbers();
  const auto scales = quantised.scales.numbers();
  const auto offsets = quantised.offsets.numbers();
  for (std::size_t row = 0; row < scales.size(); ++row) {
    double least = 0;
    double largest = 0;
    for (std::size_t i = 0; i < size(columns); ++i) {
      least = std::min(least, values[row * size(columns) + i]);
      largest = std::max(largest, values[row * size(columns) + i]);
    }
    const double scale = least < largest ? (largest - least) / 255 : 1;
    ASSERT_NEAR(scales[row], scale, 1e-2 * scale) << what;
    for (std::size_t i = 0; i < size(columns); ++i) {
      const double number = (codes[row * size(quantised.stride) + i] + offsets[row]) * static_cast<double>(scales[row]);
      ASSERT_NEAR(number, values[row * size(columns) + i], steps * static_cast<double>(scales[row]))
          << what << ", row " << row << " at " << i;
    }
    for (std::size_t i = size(columns); i < size(quantised.stride); ++i) ASSERT_EQ(codes[row * size(quantised.stride) + i], 0) << what;
  }
}

TEST_F(RowKernels, norms) {
  constexpr std::int64_t rows = 5;
  constexpr float epsilon = 1e-5F;
  for (Element element : float_elements)
    for (std::int64_t columns : row_sizes) {
      const std::string what = text_of(element, columns);
      const auto x = random_numbers(size(rows * columns), element, 1);
      const auto residual = random_numbers(size(rows * columns), element, 2);
      const auto scale = random_numbers(size(columns), Element::float32, 3);
      const auto bias = random_numbers(size(columns), Element::float32, 4);
      std::vector<float> sum(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) sum[i] = x[i] + residual[i];
      const DeviceFloats device_x(element, x);
      const DeviceFloats device_residual(element, residual);
      const DeviceArray<float> device_scale(scale);
      const DeviceArray<float> device_bias(bias);
      const DeviceFloats y(element, x.size());
      const DeviceFloats device_sum(Element::float32, x.size());
      const DeviceCodes codes(rows, columns + 24 - columns % 8);

      const LayerNormArguments arguments{.x = device_x.input(),
                                         .scale = device_scale.data(),
                                         .bias = device_bias.data(),
                                         .y = y.output(),
                                         .quantised = codes.rows(),
                                         .rows = rows,
                                         .columns = columns,
                                         .epsilon = epsilon};
      ASSERT_EQ(layer_norm(arguments), cudaSuccess) << what;
      const auto expected = normalised(x, columns, scale, bias, epsilon, true);
      expect_near(y.numbers(), expected, element, "layer_norm, " + what);
      expect_codes(codes, expected, columns, 0.51, "layer_norm, " + what);

      LayerNormArguments without_bias = arguments;
      without_bias.bias = nullptr;
      ASSERT_EQ(rms_norm(without_bias), cudaSuccess) << what;
      expect_near(y.numbers(), normalised(x, columns, scale, {}, epsilon, false), element, "rms_norm, " + what);

      ASSERT_EQ(add_norm({.x = device_x.input(),
                          .residual = device_residual.input(),
                          .scale = device_scale.data(),
                          .bias = device_bias.data(),
                          .y = y.output(),
                          .sum = device_sum.output(),
                          .quantised = codes.rows(),
                          .rows = rows,
                          .columns = columns,
                          .epsilon = epsilon}),
                cudaSuccess)
          << what;
      const auto expected_of_sum = normalised(sum, columns, scale, bias, epsilon, true);
      expect_near(y.numbers(), expected_of_sum, element, "add_norm, " + what);
      expect_near(device_sum.numbers(), {sum.begin(), sum.end()}, Element::float32, "sum of add_norm, " + what);
      expect_codes(codes, expected_of_sum, columns, 0.51, "add_norm, " + what);

      // The sum may take the residual's place.
      ASSERT_EQ(add_norm({.x = device_x.input(),
                          .residual = device_residual.input(),
                          .scale = device_scale.data(),
                          .bias = device_bias.data(),
                          .y = y.output(),
                          .sum = device_residual.output(),
                          .quantised = codes.rows(),
                          .rows = rows,
                          .columns = columns,
                          .epsilon = epsilon}),
                cudaSuccess);
      expect_near(y.numbers(), expected_of_sum, element, "add_norm in place, " + what);
      expect_near(device_residual.numbers(), {sum.begin(), sum.end()}, element, "sum in place, " + what);
      expect_codes(codes, expected_of_sum, columns, 0.51, "add_norm in place, " + what);
    }
}

TEST_F(RowKernels, embeddings) {
  constexpr std::int64_t tokens = 9;
  for (Element element : float_elements)
    for (std::int64_t columns : {7, 384, 1000, 9001}) {
      const std::string what = text_of(element, columns);
      const std::vector<std::vector<float>> tables{random_numbers(size(11 * columns), element, 1),
                                                   random_numbers(size(2 * columns), element, 2),
                                                   random_numbers(size(30 * columns), element, 3)};
      const std::vector<std::vector<std::int64_t>> indices{
          {0, 10, 3, 3, 7, 1, 2, 9, 5}, {0, 1, 1, 0, 0, 0, 1, 1, 0}, {0, 1, 2, 3, 4, 5, 29, 7, 8}};
      const std::int64_t rows[] = {11, 2, 30};
      const auto scale = random_numbers(size(columns), Element::float32, 4);
      const auto bias = random_numbers(size(columns), Element::float32, 5);
      const DeviceArray<float> device_scale(scale);
      const DeviceArray<float> device_bias(bias);
      std::vector<std::unique_ptr<DeviceFloats>> device_tables;
      std::vector<std::unique_ptr<DeviceArray<std::int64_t>>> device_indices;
      EmbeddingNormArguments arguments{.table_count = 3,
                                       .scale = device_scale.data(),
                                       .bias = device_bias.data(),
                                       .tokens = tokens,
                                       .columns = columns,
                                       .epsilon = 1e-12F,
                                       .node = 17};
      std::vector<float> sum(size(tokens * columns), 0);
      for (std::size_t table = 0; table < 3; ++table) {
        device_tables.push_back(std::make_unique<DeviceFloats>(element, tables[table]));
        device_indices.push_back(std::make_unique<DeviceArray<std::int64_t>>(indices[table]));
        arguments.tables[table] = {device_tables[table]->input(), device_indices[table]->data(), rows[table]};
        for (std::size_t i = 0; i < sum.size(); ++i)
          sum[i] += tables[table][size(indices[table][i / size(columns)] * columns) + i % size(columns)];
      }
      const DeviceFloats y(element, sum.size());
      const DeviceArray<Fault> fault(std::vector<Fault>(1));
      arguments.y = y.output();
      arguments.fault = fault.data();
      ASSERT_EQ(embedding_norm(arguments), cudaSuccess);
      expect_near(y.numbers(), normalised(sum, columns, scale, bias, 1e-12, true), element, "embedding_norm, " + what);
      EXPECT_EQ(fault.numbers()[0].kind, FaultKind::none);
      arguments.tables[2].rows = 29;
      ASSERT_EQ(embedding_norm(arguments), cudaSuccess);
      const Fault told = fault.numbers()[0];
      EXPECT_EQ(told.kind, FaultKind::index_outside_table);
      EXPECT_EQ(told.node, 17);
      EXPECT_EQ(told.table, 2);
      EXPECT_EQ(told.position, 6);
      EXPECT_EQ(told.value, 29);

      GatherArguments of_one{.table = device_tables[0]->input(),
                             .indices = device_indices[0]->data(),
                             .y = y.output(),
                             .table_rows = 11,
                             .columns = columns,
                             .count = tokens,
                             .fault = nullptr};
      ASSERT_EQ(gather(of_one), cudaSuccess);
      std::vector<double> expected(sum.size());
      for (std::size_t i = 0; i < sum.size(); ++i)
        expected[i] = tables[0][size(indices[0][i / size(columns)] * columns) + i % size(columns)];
      expect_near(y.numbers(), expected, element, "gather, " + what);
      const DeviceArray<Fault> gather_fault(std::vector<Fault>(1));
      of_one.fault = gather_fault.data();
      of_one.table_rows = 10;
      ASSERT_EQ(gather(of_one), cudaSuccess);
      EXPECT_EQ(gather_fault.numbers()[0].position, 1);
      EXPECT_EQ(gather_fault.numbers()[0].value, 10);
      EXPECT_EQ(y.numbers()[size(columns)], 0) << "the row of an index outside the table";
    }
  const DeviceArray<std::int64_t> table({5, 6, 7, 8});
  const DeviceArray<std::int64_t> indices({1, 0, 1});
  const DeviceArray<std::int64_t> y(6);
  ASSERT_EQ(gather({.table = {table.data(), Element::int64},
                    .indices = indices.data(),
                    .y = {y.data(), Element::int64},
                    .table_rows = 2,
                    .columns = 2,
                    .count = 3}),
            cudaSuccess);
  EXPECT_EQ(y.numbers(), (std::vector<std::int64_t>{7, 8, 5, 6, 7, 8}));
}

TEST_F(RowKernels, softmax) {
  constexpr std::int64_t rows = 3;
  for (Element element : float_elements)
    for (std::int64_t columns : row_sizes)
      for (bool logarithm : {false, true}) {
        const auto x = random_numbers(size(rows * columns), element, 1);
        std::vector<double> expected(x.size());
        for (std::size_t row = 0; row < rows; ++row) {
          double sum = 0;
          for (std::size_t i = 0; i < size(columns); ++i) sum += std::exp(static_cast<double>(x[row * size(columns) + i]));
          for (std::size_t i = row * size(columns); i < (row + 1) * size(columns); ++i)
            expected[i] = logarithm ? x[i] - std::log(sum) : std::exp(static_cast<double>(x[i])) / sum;
        }
        const DeviceFloats device_x(element, x);
        ASSERT_EQ(cuda::softmax({.x = device_x.input(), .y = device_x.output(), .rows = rows, .columns = columns, .logarithm = logarithm}),
                  cudaSuccess);
        expect_near(device_x.numbers(), expected, element, text_of(element, columns));
      }
}

TEST_F(RowKernels, tails) {
  constexpr std::int64_t rows = 4;
  for (Element element : float_elements)
    for (std::int64_t columns : row_sizes)
      for (int function = -1; function <= static_cast<int>(UnaryFunction::silu); function += columns == 64 ? 1 : 13) {
        const std::string what = text_of(element, columns) + ", function " + std::to_string(function);
        std::optional<UnaryFunction> activation;
        if (function >= 0) activation = static_cast<UnaryFunction>(function);
        if (activation == UnaryFunction::reciprocal_square_root || activation == UnaryFunction::logarithm) continue;
        auto x = random_numbers(size(rows * columns), element, 1);
        const auto bias = random_numbers(size(columns), Element::float32, 2);
        const auto residual = random_numbers(x.size(), element, 3);
        const bool needs_positive = activation == UnaryFunction::square_root;
        std::vector<double> expected(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) {
          if (needs_positive) x[i] = rounded(element, std::abs(x[i]) + 10);
          const double sum = static_cast<double>(x[i]) + static_cast<double>(bias[i % size(columns)]);
          expected[i] = (activation ? reference::apply(*activation, sum) : sum) + static_cast<double>(residual[i]);
        }
        const DeviceFloats device_x(element, x);
        const DeviceArray<float> device_bias(bias);
        const DeviceFloats device_residual(element, residual);
        const DeviceFloats y(element, x.size());
        const DeviceCodes codes(rows, columns + 16 - columns % 16);
        TailArguments arguments{.x = device_x.input(),
                                .bias = device_bias.data(),
                                .activation = activation,
                                .residual = device_residual.input(),
                                .y = y.output(),
                                .rows = rows,
                                .columns = columns};
        ASSERT_EQ(tail(arguments), cudaSuccess) << what;
        expect_near(y.numbers(), expected, element, what);
        const DeviceFloats again(element, x.size());
        arguments.y = again.output();
        arguments.quantised = codes.rows();
        ASSERT_EQ(tail(arguments), cudaSuccess) << what;
        expect_near(again.numbers(), expected, element, what + ", with codes");
        expect_codes(codes, expected, columns, 0.51, what);
      }
}

TEST_F(RowKernels, int8_products) {
  constexpr std::int64_t rows = 6;
  for (std::int64_t columns : {5, 64, 1024, 9001}) {
    constexpr std::int64_t inner = 40;
    std::mt19937 random(5);
    const auto x = random_numbers(size(rows * inner), Element::float32, 1);
    const DeviceFloats device_x(Element::float32, x);
    const DeviceCodes quantised(rows, 48);
    ASSERT_EQ(quantise_rows({.x = device_x.input(), .quantised = quantised.rows(), .rows = rows, .columns = inner}), cudaSuccess);
    expect_codes(quantised, {x.begin(), x.end()}, inner, 0.51, "quantise_rows");
    std::vector<std::int8_t> weight(size(columns * inner));
    for (auto& code : weight) code = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
    std::vector<float> weight_scales(size(columns));
    for (float& scale : weight_scales) scale = static_cast<float>(random() % 100 + 1) * 1e-4F;
    const auto bias = random_numbers(size(columns), Element::float32, 2);
    const auto residual = random_numbers(size(rows * columns), Element::float16, 3);
    std::vector<std::int32_t> sums(size(rows * columns), 0);
    std::vector<std::int32_t> weight_sums(size(columns), 0);
    std::vector<double> expected(sums.size());
    const auto codes = quantised.codes.numbers();
    for (std::size_t row = 0; row < rows; ++row) {
      const reference::Operand operand = reference::as_activations(std::span(x).subspan(row * inner, inner), Precision::int8);
      for (std::size_t column = 0; column < size(columns); ++column) {
        double steps = 0;
        std::int32_t weight_sum = 0;
        for (std::size_t i = 0; i < inner; ++i) {
          const int code = weight[column * inner + i];
          sums[row * size(columns) + column] += codes[row * 48 + i] * code;
          weight_sum += code;
          steps += operand.steps[i] * code;
        }
        weight_sums[column] = weight_sum;
        const double product = steps * operand.scale * static_cast<double>(weight_scales[column]) + static_cast<double>(bias[column]);
        expected[row * size(columns) + column] =
            reference::apply(UnaryFunction::gelu_erf, product) + static_cast<double>(residual[row * size(columns) + column]);
      }
    }
    const DeviceArray<std::int32_t> device_sums(sums);
    const DeviceArray<std::int32_t> device_weight_sums(weight_sums);
    const DeviceArray<float> device_weight_scales(weight_scales);
    const DeviceArray<float> device_bias(bias);
    const DeviceFloats device_residual(Element::float16, residual);
    const DeviceFloats y(Element::float32, sums.size());
    const DeviceCodes again(rows, columns);
    ASSERT_EQ(int8_tail({.sums = device_sums.data(),
                         .row_scales = quantised.scales.data(),
                         .row_offsets = quantised.offsets.data(),
                         .weight_scales = device_weight_scales.data(),
                         .weight_sums = device_weight_sums.data(),
                         .bias = device_bias.data(),
                         .activation = UnaryFunction::gelu_erf,
                         .residual = device_residual.input(),
                         .y = y.output(),
                         .quantised = again.rows(),
                         .rows = rows,
                         .columns = columns}),
              cudaSuccess);
    expect_near(y.numbers(), expected, Element::float32, "int8_tail");
    expect_codes(again, expected, columns, 0.51, "int8_tail");
  }
}

TEST_F(RowKernels, rows_that_are_not_finite_have_no_scale) {
  const DeviceFloats x(Element::float32, std::vector<float>{1, 2, 3, infinity, not_a_number, 1, 0, 0});
  const DeviceCodes codes(4, 2);
  ASSERT_EQ(quantise_rows({.x = x.input(), .quantised = codes.rows(), .rows = 4, .columns = 2}), cudaSuccess);
  const auto scales = codes.scales.numbers();
  EXPECT_TRUE(std::isfinite(scales[0]) && std::isnan(scales[1]) && std::isnan(scales[2]));
  EXPECT_EQ(scales[3], 1);
}

}  // namespace
}  // namespace accelerate::cuda

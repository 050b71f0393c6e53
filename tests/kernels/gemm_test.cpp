#include "gemm_cases.h"

namespace accelerate::cpu {
namespace {

constexpr Precision precisions[] = {Precision::fp32, Precision::bf16, Precision::int8};

class Gemm : public KernelTest {};
INSTANTIATE_FOR_USABLE_LEVELS(Gemm);

TEST_P(Gemm, EveryNumberOfRows) {
  for (const Precision precision : precisions) {
    for (std::int64_t rows = 1; rows <= 40; ++rows)
      check_gemm(table(), {.precision = precision, .rows = rows, .inputs = 20, .outputs = 40});
  }
}

TEST_P(Gemm, EveryDepth) {
  for (const Precision precision : precisions) {
    for (std::int64_t inputs = 1; inputs <= 70; ++inputs) {
      check_gemm(table(), {.precision = precision, .rows = 3, .inputs = inputs, .outputs = 17, .bias = true});
    }
    for (const std::int64_t inputs : {127, 128, 129, 384, 1000, 1024}) {
      check_gemm(table(), {.precision = precision, .rows = 9, .inputs = inputs, .outputs = 33});
    }
  }
}

TEST_P(Gemm, DeepWithManyRows) {
  for (const Precision precision : precisions) {
    for (const std::int64_t rows : {5, 90, 150}) {
      check_gemm(table(), {.precision = precision, .rows = rows, .inputs = 900, .outputs = 40, .bias = true, .residual = true});
    }
  }
}

TEST_P(Gemm, EveryWidth) {
  for (const Precision precision : precisions) {
    for (std::int64_t outputs = 1; outputs <= 70; ++outputs) {
      check_gemm(table(), {.precision = precision, .rows = 4, .inputs = 24, .outputs = outputs, .bias = true, .residual = true});
    }
  }
}

TEST_P(Gemm, TailsAndStrides) {
  for (const Precision precision : precisions) {
    for (const std::int64_t rows : {7, 8, 33}) {
      for (const bool bias : {false, true}) {
        for (const bool residual : {false, true}) {
          for (const auto activation : {std::optional<UnaryFunction>{}, std::optional{UnaryFunction::gelu_erf},
                                        std::optional{UnaryFunction::relu}, std::optional{UnaryFunction::sine}}) {
            check_gemm(table(), {.precision = precision,
                                 .rows = rows,
                                 .inputs = 48,
                                 .outputs = 70,
                                 .bias = bias,
                                 .residual = residual,
                                 .activation = activation,
                                 .gap = 5});
          }
        }
      }
    }
  }
}

/// The product of a row of one number and one weight, at every place of the row.
TEST_P(Gemm, WhatIsNotANumberShows) {
  for (const Precision precision : precisions) {
    for (const float odd : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      const std::int64_t columns = table().gemm_shape(precision).panel_columns;
      const Matrix w = Matrix::random(columns, 5, 7);
      const Memory panels(table().packed_bytes(precision, columns, 5));
      std::vector<float> scales(static_cast<std::size_t>(columns));
      std::vector<std::int32_t> sums(static_cast<std::size_t>(columns));
      const PackedWeights weights{
          .precision = precision, .outputs = columns, .inputs = 5, .panels = panels.data(), .scales = scales.data(), .sums = sums.data()};
      table().pack_panel(weights, 0, w.data(), columns);
      Matrix x = Matrix::random(2, 5, 8);
      x.at(0, 3) = odd;
      const Memory memory(table().prepared_bytes(precision, 2, 5));
      const void* prepared = table().prepare(precision, x.data(), x.stride, 2, 5, memory.data());
      Matrix output(2, columns);
      table().gemm({.weights = weights,
                    .prepared = prepared,
                    .rows = 2,
                    .first_panel = 0,
                    .last_panel = 1,
                    .output = output.data(),
                    .output_stride = columns,
                    .tail = {}},
                   x.stride);
      for (std::int64_t column = 0; column < columns; ++column) {
        EXPECT_FALSE(std::isfinite(output.at(0, column))) << name_of(precision);
        EXPECT_TRUE(std::isfinite(output.at(1, column))) << name_of(precision);
      }
    }
  }
}

TEST_P(Gemm, ZerosQuantiseToZeros) {
  const std::int64_t columns = table().gemm_shape(Precision::int8).panel_columns;
  const Matrix w = Matrix::random(columns, 8, 9);
  Matrix x(1, 8);
  std::fill(x.values.begin(), x.values.end(), 0.0F);
  const Memory panels(table().packed_bytes(Precision::int8, columns, 8));
  std::vector<float> scales(static_cast<std::size_t>(columns));
  std::vector<std::int32_t> sums(static_cast<std::size_t>(columns));
  const PackedWeights weights{
      .precision = Precision::int8, .outputs = columns, .inputs = 8, .panels = panels.data(), .scales = scales.data(), .sums = sums.data()};
  table().pack_panel(weights, 0, w.data(), columns);
  const Memory memory(table().prepared_bytes(Precision::int8, 1, 8));
  const void* prepared = table().prepare(Precision::int8, x.data(), 8, 1, 8, memory.data());
  Matrix output(1, columns);
  table().gemm({.weights = weights,
                .prepared = prepared,
                .rows = 1,
                .first_panel = 0,
                .last_panel = 1,
                .output = output.data(),
                .output_stride = columns,
                .tail = {}},
               8);
  for (const float value : output.values) EXPECT_EQ(value, 0.0F);
}

/// Rows prepared together or one by one are the same bytes, so that threads may share the work.
TEST_P(Gemm, PreparedRowsStandAlone) {
  for (const Precision precision : {Precision::bf16, Precision::int8}) {
    const Matrix x = Matrix::random(5, 37, 10);
    const std::int64_t row_bytes = table().prepared_bytes(precision, 1, 37);
    ASSERT_EQ(table().prepared_bytes(precision, 5, 37), 5 * row_bytes);
    const Memory together(5 * row_bytes);
    const Memory alone(5 * row_bytes);
    std::fill_n(together.data(), 5 * row_bytes, std::byte{0});
    std::fill_n(alone.data(), 5 * row_bytes, std::byte{0});
    table().prepare(precision, x.data(), 37, 5, 37, together.data());
    for (std::int64_t row = 0; row < 5; ++row) table().prepare(precision, x.data() + row * 37, 37, 1, 37, alone.data() + row * row_bytes);
    EXPECT_TRUE(std::equal(together.data(), together.data() + 5 * row_bytes, alone.data()));
  }
}

}  // namespace
}  // namespace accelerate::cpu

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
      const void* prepared = table().prepare({.precision = precision,
                                              .x = x.data(),
                                              .stride = x.stride,
                                              .rows = 2,
                                              .inputs = 5,
                                              .first_row = 0,
                                              .last_row = 2,
                                              .memory = memory.data()});
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
  const void* prepared = table().prepare({.precision = Precision::int8,
                                          .x = x.data(),
                                          .stride = 8,
                                          .rows = 1,
                                          .inputs = 8,
                                          .first_row = 0,
                                          .last_row = 1,
                                          .memory = memory.data()});
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

/// A gemm may write its outputs as what the next reads: the same bytes as those prepared of its outputs.
TEST_P(Gemm, OutputsPreparedForTheNext) {
  for (const std::int64_t rows : {1, 5, 16, 33, 70}) {
    constexpr std::int64_t outputs = 96;
    const std::int64_t columns = table().gemm_shape(Precision::bf16).panel_columns;
    const Matrix w = Matrix::random(outputs, 40, 11);
    const Matrix x = Matrix::random(rows, 40, 12);
    const Memory panels(table().packed_bytes(Precision::bf16, outputs, 40));
    const PackedWeights weights{.precision = Precision::bf16, .outputs = outputs, .inputs = 40, .panels = panels.data()};
    for (std::int64_t panel = 0; panel * columns < outputs; ++panel)
      table().pack_panel(weights, panel, w.data() + panel * columns * w.stride, columns);
    const auto prepare = [&](const Matrix& values, const Memory& memory) {
      return table().prepare({.precision = Precision::bf16,
                              .x = values.data(),
                              .stride = values.stride,
                              .rows = rows,
                              .inputs = values.columns,
                              .first_row = 0,
                              .last_row = rows,
                              .memory = memory.data()});
    };
    const Memory memory(table().prepared_bytes(Precision::bf16, rows, 40));
    const void* prepared = prepare(x, memory);
    const std::int64_t bytes = table().prepared_bytes(Precision::bf16, rows, outputs);
    const Memory direct(bytes);
    const Memory later(bytes);
    std::fill_n(direct.data(), bytes, std::byte{0});
    std::fill_n(later.data(), bytes, std::byte{0});
    Matrix output(rows, outputs);
    constexpr UnaryFunction gelu = UnaryFunction::gelu_erf;
    for (const bool is_direct : {false, true}) {
      table().gemm({.weights = weights,
                    .prepared = prepared,
                    .rows = rows,
                    .first_panel = 0,
                    .last_panel = outputs / columns,
                    .output = is_direct ? nullptr : output.data(),
                    .output_stride = outputs,
                    .tail = {.activation = &gelu},
                    .prepared_output = is_direct ? direct.data() : nullptr},
                   x.stride);
    }
    prepare(output, later);
    EXPECT_TRUE(std::equal(direct.data(), direct.data() + bytes, later.data())) << rows << " rows";
  }
}

}  // namespace
}  // namespace accelerate::cpu

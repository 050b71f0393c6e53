// Kernels that work row by row: layer_norm, rms_norm and softmax.
#include "kernel_test.h"

namespace accelerate::cpu {
namespace {

struct NormCase {
  std::int64_t columns;
  bool centred;  ///< layer_norm, else rms_norm
  bool residual = false;
  bool sum = false;
  bool weighted = true;
  float mean = 0.0F;
};

class Norms : public KernelTest {
 protected:
  void check(const NormCase& test) {
    SCOPED_TRACE(testing::Message() << (test.centred ? "layer_norm" : "rms_norm") << " of " << test.columns << " residual " << test.residual
                                    << " sum " << test.sum << " mean " << test.mean);
    constexpr std::int64_t rows = 3;
    constexpr float epsilon = 1e-5F;
    Matrix x = Matrix::random(rows, test.columns, 21, 3);
    for (float& value : x.values) value += test.mean;
    const Matrix residual = Matrix::random(rows, test.columns, 22, 1);
    const Matrix scale = Matrix::random(1, test.columns, 23);
    const Matrix bias = Matrix::random(1, test.columns, 24);
    Matrix sum(rows, test.columns, 2);
    Matrix output(rows, test.columns, 4);
    (test.centred ? table().layer_norm : table().rms_norm)({.input = x.data(),
                                                            .residual = test.residual ? residual.data() : nullptr,
                                                            .scale = test.weighted ? scale.data() : nullptr,
                                                            .bias = test.weighted ? bias.data() : nullptr,
                                                            .sum = test.sum ? sum.data() : nullptr,
                                                            .output = output.data(),
                                                            .input_stride = x.stride,
                                                            .residual_stride = residual.stride,
                                                            .sum_stride = sum.stride,
                                                            .output_stride = output.stride,
                                                            .rows = rows,
                                                            .columns = test.columns,
                                                            .epsilon = epsilon});
    for (std::int64_t row = 0; row < rows; ++row) {
      std::vector<double> values;
      double mean = 0.0;
      for (std::int64_t i = 0; i < test.columns; ++i) {
        const float value = x.at(row, i) + (test.residual ? residual.at(row, i) : 0.0F);
        if (test.sum) {
          ASSERT_EQ(sum.at(row, i), value);
        }
        values.push_back(value);
        mean += value / static_cast<double>(test.columns);
      }
      if (!test.centred) mean = 0.0;
      double variance = 0.0;
      for (const double value : values) variance += (value - mean) * (value - mean) / static_cast<double>(test.columns);
      for (std::int64_t i = 0; i < test.columns; ++i) {
        const double normal = (values[static_cast<std::size_t>(i)] - mean) / std::sqrt(variance + epsilon);
        const double expected = test.weighted ? normal * scale.at(0, i) + bias.at(0, i) : normal;
        ASSERT_NEAR(output.at(row, i), expected, 1e-6 * (1.0 + std::abs(expected)) * (1.0 + test.mean)) << "row " << row << " column " << i;
      }
      for (std::int64_t i = test.columns; i < (row + 1 < rows ? output.stride : 0); ++i) ASSERT_TRUE(std::isnan(output.at(row, i)));
    }
  }
};
INSTANTIATE_FOR_USABLE_LEVELS(Norms);

TEST_P(Norms, EveryWidth) {
  for (const bool centred : {true, false}) {
    for (std::int64_t columns = 1; columns <= 70; ++columns) check({.columns = columns, .centred = centred});
    for (const std::int64_t columns : {384, 768, 1000, 4096}) check({.columns = columns, .centred = centred});
  }
}

TEST_P(Norms, Options) {
  for (const bool centred : {true, false}) {
    for (const bool residual : {true, false}) {
      for (const bool sum : {true, false}) {
        for (const bool weighted : {true, false}) {
          check({.columns = 37, .centred = centred, .residual = residual, .sum = sum, .weighted = weighted});
        }
      }
    }
  }
}

TEST_P(Norms, ALargeMeanDoesNotCancel) { check({.columns = 384, .centred = true, .mean = 30.0F}); }

TEST_P(Norms, InPlaceOverTheInputOrTheResidual) {
  const Matrix x = Matrix::random(2, 21, 25);
  const Matrix residual = Matrix::random(2, 21, 26);
  const auto normalise = [&](const float* input, const float* added, float* output) {
    table().layer_norm({.input = input,
                        .residual = added,
                        .output = output,
                        .input_stride = 21,
                        .residual_stride = 21,
                        .output_stride = 21,
                        .rows = 2,
                        .columns = 21,
                        .epsilon = 1e-5F});
  };
  Matrix apart(2, 21);
  normalise(x.data(), residual.data(), apart.data());
  Matrix over_input = x;
  normalise(over_input.data(), residual.data(), over_input.data());
  Matrix over_residual = residual;
  normalise(x.data(), over_residual.data(), over_residual.data());
  EXPECT_EQ(over_input.values, apart.values);
  EXPECT_EQ(over_residual.values, apart.values);
}

class Softmax : public KernelTest {};
INSTANTIATE_FOR_USABLE_LEVELS(Softmax);

TEST_P(Softmax, EveryWidth) {
  for (const bool logarithm : {false, true}) {
    for (std::int64_t columns = 1; columns <= 70; ++columns) {
      const Matrix x = Matrix::random(3, columns, 31, 0, 5.0F);
      Matrix y(3, columns);
      table().softmax(x.data(), y.data(), 3, columns, logarithm);
      for (std::int64_t row = 0; row < 3; ++row) {
        double largest = -1e30;
        for (std::int64_t i = 0; i < columns; ++i) largest = std::max<double>(largest, x.at(row, i));
        double total = 0.0;
        for (std::int64_t i = 0; i < columns; ++i) total += std::exp(x.at(row, i) - largest);
        for (std::int64_t i = 0; i < columns; ++i) {
          const double expected = logarithm ? x.at(row, i) - largest - std::log(total) : std::exp(x.at(row, i) - largest) / total;
          ASSERT_NEAR(y.at(row, i), expected, 3e-6 * (logarithm ? 1.0 + std::abs(expected) : std::abs(expected))) << columns;
        }
      }
    }
  }
}

TEST_P(Softmax, LargeAndMissingNumbers) {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values = {1e4F, -infinity, 1e4F, -1e4F, -infinity};
  table().softmax(values.data(), values.data(), 1, 5, false);
  EXPECT_EQ(values, (std::vector<float>{0.5F, 0.0F, 0.5F, 0.0F, 0.0F}));
  std::vector<float> odd(20, 1.0F);
  odd[17] = std::numeric_limits<float>::quiet_NaN();
  table().softmax(odd.data(), odd.data(), 1, 20, false);
  for (const float value : odd) EXPECT_TRUE(std::isnan(value));
}

}  // namespace
}  // namespace accelerate::cpu

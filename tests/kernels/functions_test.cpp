#include <functional>

#include "kernel_test.h"

namespace accelerate::cpu {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

struct FunctionCase {
  const char* name;
  UnaryFunction function;
  double (*exact)(double);
  double absolute;  ///< an error of this size is allowed,
  double relative;  ///< or of this share of the result
  double low = -30.0;
  double high = 30.0;
};

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double gelu_tanh(double x) { return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x))); }

/// Three units in the last place of a float.
constexpr double few_units = 3.6e-7;

const FunctionCase function_cases[] = {
    {"negate", UnaryFunction::negate, [](double x) { return -x; }, 0.0, 0.0},
    {"absolute", UnaryFunction::absolute, [](double x) { return std::abs(x); }, 0.0, 0.0},
    {"exponential", UnaryFunction::exponential, [](double x) { return std::exp(x); }, 1.5e-45, few_units, -110.0, 88.7},
    {"logarithm", UnaryFunction::logarithm, [](double x) { return std::log(x); }, 1e-7, few_units, 1e-3, 1e4},
    {"square_root", UnaryFunction::square_root, [](double x) { return std::sqrt(x); }, 0.0, few_units, 0.0, 1e4},
    {"reciprocal_square_root", UnaryFunction::reciprocal_square_root, [](double x) { return 1.0 / std::sqrt(x); }, 0.0, few_units, 1e-3,
     1e4},
    {"sine", UnaryFunction::sine, [](double x) { return std::sin(x); }, 1e-7, few_units},
    {"cosine", UnaryFunction::cosine, [](double x) { return std::cos(x); }, 1e-7, few_units},
    {"tanh", UnaryFunction::tanh, [](double x) { return std::tanh(x); }, 0.0, few_units},
    {"tanh_near_0", UnaryFunction::tanh, [](double x) { return std::tanh(x); }, 0.0, few_units, -0.01, 0.01},
    {"sigmoid", UnaryFunction::sigmoid, sigmoid, 0.0, few_units, -80.0, 30.0},
    {"erf", UnaryFunction::erf, [](double x) { return std::erf(x); }, 0.0, few_units, -6.0, 6.0},
    {"erf_near_0", UnaryFunction::erf, [](double x) { return std::erf(x); }, 0.0, few_units, -0.01, 0.01},
    {"relu", UnaryFunction::relu, [](double x) { return std::max(x, 0.0); }, 0.0, 0.0},
    {"gelu_erf", UnaryFunction::gelu_erf, [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }, 6e-8, few_units},
    {"gelu_erf_near_0", UnaryFunction::gelu_erf, [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }, 0.0, few_units, -0.01,
     0.01},
    {"gelu_tanh", UnaryFunction::gelu_tanh, gelu_tanh, 1.5e-7, few_units, -10.0, 10.0},
    {"gelu_quick", UnaryFunction::gelu_quick, [](double x) { return x * sigmoid(1.702 * x); }, 1e-7, few_units},
    {"silu", UnaryFunction::silu, [](double x) { return x * sigmoid(x); }, 0.0, few_units, -60.0, 30.0},
};

class Functions : public KernelTest {};
INSTANTIATE_FOR_USABLE_LEVELS(Functions);

TEST_P(Functions, CloseToDouble) {
  for (const FunctionCase& test : function_cases) {
    constexpr int count = 100'003;
    std::vector<float> x(count);
    for (int i = 0; i < count; ++i) x[i] = static_cast<float>(test.low + (test.high - test.low) * i / (count - 1));
    std::vector<float> y(count, not_a_number);
    table().unary(test.function, x.data(), y.data(), count);
    double worst = 0.0;
    float worst_at = 0.0F;
    for (int i = 0; i < count; ++i) {
      const double exact = test.exact(x[i]);
      const double error = std::abs(y[i] - exact);
      const double share = error == 0.0 ? 0.0 : error / std::max(test.absolute, test.relative * std::abs(exact));
      if (!(share <= worst)) {
        worst = share;
        worst_at = x[i];
      }
    }
    EXPECT_LE(worst, 1.0) << test.name << " is worst at " << worst_at << ": error over what is allowed";
  }
}

TEST_P(Functions, EveryLengthInPlace) {
  for (const FunctionCase& test : function_cases) {
    for (std::int64_t count = 0; count <= 40; ++count) {
      std::vector<float> values(static_cast<std::size_t>(count) + 1, 0.75F);
      table().unary(test.function, values.data(), values.data(), count);
      for (std::int64_t i = 0; i < count; ++i) {
        ASSERT_NEAR(values[static_cast<std::size_t>(i)], test.exact(0.75), 1e-6) << test.name << " of " << count;
      }
      ASSERT_EQ(values.back(), 0.75F) << test.name << " wrote past " << count;
    }
  }
}

TEST_P(Functions, NanStaysNan) {
  for (const FunctionCase& test : function_cases) {
    std::vector<float> values(19, 0.5F);
    values[3] = values[18] = not_a_number;
    table().unary(test.function, values.data(), values.data(), 19);
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(std::isnan(values[i]), i == 3 || i == 18) << test.name << " at " << i;
  }
}

TEST_P(Functions, Extremes) {
  struct Extreme {
    UnaryFunction function;
    float x;
    float y;
  };
  const Extreme extremes[] = {
      {UnaryFunction::exponential, infinity, infinity},
      {UnaryFunction::exponential, 1000.0F, infinity},
      {UnaryFunction::exponential, -infinity, 0.0F},
      {UnaryFunction::exponential, -1000.0F, 0.0F},
      {UnaryFunction::exponential, 0.0F, 1.0F},
      {UnaryFunction::sigmoid, infinity, 1.0F},
      {UnaryFunction::sigmoid, -infinity, 0.0F},
      {UnaryFunction::tanh, infinity, 1.0F},
      {UnaryFunction::tanh, -infinity, -1.0F},
      {UnaryFunction::tanh, 1e-30F, 1e-30F},
      {UnaryFunction::erf, infinity, 1.0F},
      {UnaryFunction::erf, -infinity, -1.0F},
      {UnaryFunction::gelu_erf, infinity, infinity},
      {UnaryFunction::gelu_erf, 1e30F, 1e30F},
      {UnaryFunction::gelu_erf, -1e30F, 0.0F},
      {UnaryFunction::gelu_erf, 0.0F, 0.0F},
      {UnaryFunction::gelu_tanh, 1e30F, 1e30F},
      {UnaryFunction::gelu_quick, infinity, infinity},
      {UnaryFunction::silu, infinity, infinity},
      {UnaryFunction::silu, -1e30F, 0.0F},
      {UnaryFunction::relu, -infinity, 0.0F},
      {UnaryFunction::relu, infinity, infinity},
      {UnaryFunction::reciprocal_square_root, 0.0F, infinity},
      {UnaryFunction::square_root, infinity, infinity},
  };
  for (const Extreme& extreme : extremes) {
    float y = not_a_number;
    table().unary(extreme.function, &extreme.x, &y, 1);
    if (std::isinf(extreme.y)) {
      EXPECT_EQ(y, extreme.y) << "function " << static_cast<int>(extreme.function) << " of " << extreme.x;
    } else {
      EXPECT_NEAR(y, extreme.y, 1e-12) << "function " << static_cast<int>(extreme.function) << " of " << extreme.x;
    }
  }
}

TEST_P(Functions, OfTwoNumbers) {
  struct BinaryCase {
    BinaryFunction function;
    float (*exact)(float, float);
  };
  const BinaryCase cases[] = {
      {BinaryFunction::add, [](float a, float b) { return a + b; }},
      {BinaryFunction::subtract, [](float a, float b) { return a - b; }},
      {BinaryFunction::multiply, [](float a, float b) { return a * b; }},
      {BinaryFunction::divide, [](float a, float b) { return a / b; }},
      {BinaryFunction::minimum, [](float a, float b) { return std::min(a, b); }},
      {BinaryFunction::maximum, [](float a, float b) { return std::max(a, b); }},
  };
  for (const BinaryCase& test : cases) {
    for (std::int64_t count = 0; count <= 40; ++count) {
      Matrix a = Matrix::random(1, count, 11);
      Matrix b = Matrix::random(1, count, 12);
      std::vector<float> y(static_cast<std::size_t>(count) + 1, 5.0F);
      table().binary(test.function, a.data(), b.data(), y.data(), count);
      for (std::int64_t i = 0; i < count; ++i) ASSERT_EQ(y[static_cast<std::size_t>(i)], test.exact(a.at(0, i), b.at(0, i)));
      ASSERT_EQ(y.back(), 5.0F);
    }
    for (const auto& [a, b] : {std::pair{not_a_number, 1.0F}, {1.0F, not_a_number}}) {
      float y = 0.0F;
      table().binary(test.function, &a, &b, &y, 1);
      EXPECT_TRUE(std::isnan(y));
    }
  }
}

}  // namespace
}  // namespace accelerate::cpu

#include "backends/reference/functions.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "ipfs_accelerate/error.h"

namespace accelerate::reference {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

double apply(UnaryFunction function, double x) {
  switch (function) {
    case UnaryFunction::negate:
      return -x;
    case UnaryFunction::absolute:
      return std::abs(x);
    case UnaryFunction::exponential:
      return std::exp(x);
    case UnaryFunction::logarithm:
      return std::log(x);
    case UnaryFunction::square_root:
      return std::sqrt(x);
    case UnaryFunction::reciprocal_square_root:
      return 1 / std::sqrt(x);
    case UnaryFunction::sine:
      return std::sin(x);
    case UnaryFunction::cosine:
      return std::cos(x);
    case UnaryFunction::tanh:
      return std::tanh(x);
    case UnaryFunction::sigmoid:
      return sigmoid(x);
    case UnaryFunction::erf:
      return std::erf(x);
    case UnaryFunction::relu:
      return x < 0 ? 0 : x;
    case UnaryFunction::gelu_erf:
      return x * 0.5 * std::erfc(-x / std::numbers::sqrt2);
    case UnaryFunction::gelu_tanh:
      return x * 0.5 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case UnaryFunction::gelu_quick:
      return x * sigmoid(1.702 * x);
    case UnaryFunction::silu:
      return x * sigmoid(x);
  }
  throw Error(ErrorKind::internal, "[unary] a function has no definition");
}

double apply(BinaryFunction function, double a, double b) {
  switch (function) {
    case BinaryFunction::add:
      return a + b;
    case BinaryFunction::subtract:
      return a - b;
    case BinaryFunction::multiply:
      return a * b;
    case BinaryFunction::divide:
      return a / b;
    case BinaryFunction::minimum:
      return smaller(a, b);
    case BinaryFunction::maximum:
      return larger(a, b);
    case BinaryFunction::power:
      return std::pow(a, b);
    case BinaryFunction::equal:
      return a == b ? 1 : 0;
    case BinaryFunction::not_equal:
      return a != b ? 1 : 0;
    case BinaryFunction::less:
      return a < b ? 1 : 0;
    case BinaryFunction::less_equal:
      return a <= b ? 1 : 0;
  }
  throw Error(ErrorKind::internal, "[binary] a function has no definition");
}

std::int64_t apply(BinaryFunction function, std::int64_t a, std::int64_t b) {
  // Sums and products are taken without sign, where wrapping around is defined.
  const auto unsigned_a = static_cast<std::uint64_t>(a);
  const auto unsigned_b = static_cast<std::uint64_t>(b);
  switch (function) {
    case BinaryFunction::add:
      return static_cast<std::int64_t>(unsigned_a + unsigned_b);
    case BinaryFunction::subtract:
      return static_cast<std::int64_t>(unsigned_a - unsigned_b);
    case BinaryFunction::multiply:
      return static_cast<std::int64_t>(unsigned_a * unsigned_b);
    case BinaryFunction::divide:
      if (b == 0) throw Error(ErrorKind::invalid_argument, "[binary] a whole number is divided by zero");
      return b == -1 ? static_cast<std::int64_t>(-unsigned_a) : a / b;
    case BinaryFunction::minimum:
      return a < b ? a : b;
    case BinaryFunction::maximum:
      return a < b ? b : a;
    case BinaryFunction::power:
      throw Error(ErrorKind::invalid_argument, "[binary] power takes floats, got whole numbers");
    case BinaryFunction::equal:
      return a == b ? 1 : 0;
    case BinaryFunction::not_equal:
      return a != b ? 1 : 0;
    case BinaryFunction::less:
      return a < b ? 1 : 0;
    case BinaryFunction::less_equal:
      return a <= b ? 1 : 0;
  }
  throw Error(ErrorKind::internal, "[binary] a function has no definition");
}

double larger(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  return a < b ? b : a;
}

double smaller(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  return b < a ? b : a;
}

}  // namespace accelerate::reference

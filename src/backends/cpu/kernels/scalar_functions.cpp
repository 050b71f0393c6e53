#include "backends/cpu/kernels/scalar_functions.h"

#include <cmath>

namespace accelerate::cpu {

void apply_scalar_function(UnaryFunction function, const float* x, float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    switch (function) {
      case UnaryFunction::sine:
        y[i] = std::sin(x[i]);
        break;
      case UnaryFunction::cosine:
        y[i] = std::cos(x[i]);
        break;
      default:
        y[i] = std::log(x[i]);
        break;
    }
  }
}

}  // namespace accelerate::cpu

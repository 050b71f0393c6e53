#pragma once

#include <cstdint>

#include "base/functions.h"

namespace accelerate::cpu {

/// y[i] = function(x[i]) by the C library, for the functions that no model spends time in: logarithm, sine and cosine.
void apply_scalar_function(UnaryFunction function, const float* x, float* y, std::int64_t count);

}  // namespace accelerate::cpu

#pragma once

#include <cstdint>

#include "base/functions.h"

namespace accelerate::reference {

/// The function of x.
double apply(UnaryFunction function, double x);

/// The function of a and b; a comparison is 1 where it holds and 0 elsewhere, a NaN makes a NaN of minimum and maximum.
double apply(BinaryFunction function, double a, double b);

/// The same for whole numbers, which wrap around at 64 bits and divide towards zero. Throws invalid_argument on division
/// by zero and on power, which is for floats.
std::int64_t apply(BinaryFunction function, std::int64_t a, std::int64_t b);

/// The larger of a and b, or NaN when either is.
double larger(double a, double b);

/// The smaller of a and b, or NaN when either is.
double smaller(double a, double b);

}  // namespace accelerate::reference

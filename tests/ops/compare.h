#pragma once

#include <string>

#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// How `actual` differs, or nothing when it is what was expected: the same dtype and shape; whole numbers, booleans,
/// infinities and NaNs equal; floats within `tolerance` as a whole (L2 norm of the difference over that of the expected)
/// and, each of them, within 8 times that of the largest expected magnitude. A tolerance of 0 asks for equal bits.
std::string difference_between(const Tensor& expected, const Tensor& actual, double tolerance);

/// The same for each tensor by name.
std::string difference_between(const TensorMap& expected, const TensorMap& actual, double tolerance);

}  // namespace accelerate

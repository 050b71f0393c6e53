#pragma once

#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// How alike outputs are to float32's, from 0 to 1: the least, over the rows of all real outputs, of 1 − ‖a − b‖² / 2‖b‖², b
/// being float32's row. For vectors of one length that is the cosine of their angle; a wrong length counts against it too.
/// Rows of few numbers, such as a classifier's, are taken together as one. Not a number, and outputs that are missing or of
/// another shape, count as 0.
double agreement(const TensorMap& outputs, const TensorMap& float32_outputs);

}  // namespace accelerate

// Constants as the checkpoint stores them, for backends that lay out weights in their own way.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace accelerate {

/// Element i of a tensor of any float encoding, for all i of [first, first + count), as float32 in `result`.
void decode_floats(const Tensor& tensor, std::int64_t first, std::int64_t count, float* result);

/// The tensors that, one after another along axis 0, make up a constant value: one, or those of a concat of constants;
/// empty when the value is not constant.
std::vector<const Tensor*> constant_parts(const Graph& graph, ValueId value);

/// The constant value's elements as float32.
std::vector<float> constant_floats(const Graph& graph, ValueId value);

}  // namespace accelerate

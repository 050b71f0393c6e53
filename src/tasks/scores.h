// Small functions that turn a head's numbers into answers.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/functions.h"

namespace accelerate {

/// exp(x) / sum(exp(x)).
std::vector<float> softmax(std::span<const float> logits);

/// 1 / (1 + exp(-x)).
float sigmoid(float logit);

/// The function of a number. Throws internal for a function that torch_activation does not give.
float activated(UnaryFunction function, float x);

/// Indices of the `count` largest values, largest first; equal ones in their order.
std::vector<std::size_t> largest(std::span<const float> values, std::size_t count);

/// Unicode characters in the first `bytes` bytes of a UTF-8 text.
std::int64_t characters_in(std::string_view text, std::int64_t bytes);

}  // namespace accelerate

// Embeddings as the JSON lists that several dialects have.
#pragma once

#include <string>

#include "ipfs_accelerate/tensor.h"

namespace accelerate::server {

/// The rows of float32 [texts, dimensions] as "[[…],[…]]"; `normalize` scales those to length 1 that are not.
std::string rows_json(const Tensor& vectors, bool normalize = false);

/// The cosine of the first row with each other one, as "[…]".
std::string similarities_json(const Tensor& vectors);

}  // namespace accelerate::server

#pragma once

#include <cstdint>
#include <vector>

#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// A batch of made-up texts: as many as there are lengths, of that many tokens each.
struct Workload {
  std::vector<std::int64_t> lengths;
  std::uint64_t seed = 0;
};

/// The workload as a text model's inputs (models/registry.h): token ids drawn evenly from a vocabulary of that size. A
/// decoder that reads another text writes just as long ones.
TensorMap inputs_of(const Workload& workload, std::int64_t vocabulary);

}  // namespace accelerate

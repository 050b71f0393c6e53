#pragma once

#include <cuda_runtime_api.h>

#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {

/// The class of error that a status stands for: out_of_memory, device_lost when nothing runs in this context any more,
/// unavailable when the machine's set-up is at fault, and internal for every other.
ErrorKind kind_of(cudaError_t status);

}  // namespace accelerate::cuda

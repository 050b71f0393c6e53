#pragma once

#include <memory>

#include "backends/backend.h"
#include "backends/cuda/machine.h"

namespace accelerate::cuda {

/// The backend of NVIDIA's devices, on those that `devices` opens.
std::unique_ptr<Backend> make_cuda_backend(std::shared_ptr<OpenDevices> devices);

}  // namespace accelerate::cuda

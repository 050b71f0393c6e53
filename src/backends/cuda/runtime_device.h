#pragma once

#include <memory>

#include "backends/cuda/device_api.h"

namespace accelerate::cuda {

/// The device of that ordinal by the CUDA runtime, the calling thread's current one from here on. A context that an earlier
/// fault broke is reset first. Throws unavailable when the device does not answer even then.
std::unique_ptr<DeviceApi> open_runtime_device(int ordinal);

}  // namespace accelerate::cuda

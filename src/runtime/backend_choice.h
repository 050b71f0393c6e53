#pragma once

#include <memory>
#include <string_view>

#include "backends/backend.h"

namespace accelerate {

/// A backend and the device that it runs on.
struct BackendChoice {
  std::unique_ptr<Backend> backend;
  Device device;
};

/// The backend `name` with its first device; "auto" is the first backend, in their order of preference, that has a device
/// here, and every answer says which that was. Throws invalid_argument for an unknown name, unavailable, with the backend's
/// reason, when it has no device, and what is wrong with ACCELERATE_CPU_ISA where that is set.
BackendChoice choose_backend(std::string_view name);

/// The precision `name`; "auto" is fp32, which gives the model's own results. Throws unsupported for a precision that no
/// backend of this build has, invalid_argument for what is no precision.
Precision choose_precision(std::string_view name);

}  // namespace accelerate

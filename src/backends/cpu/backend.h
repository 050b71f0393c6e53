#pragma once

#include <memory>

#include "backends/backend.h"

namespace accelerate {

/// The backend of the machine's processor (backends/cpu/): own kernels for the best instruction set it has.
std::unique_ptr<Backend> make_cpu_backend();

}  // namespace accelerate

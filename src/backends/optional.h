// Backends that a build may lack. Each factory is defined in the backend's own folder, or in absent/ when that is not built.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace accelerate {

std::unique_ptr<Backend> make_openvino_backend();
std::unique_ptr<Backend> make_cuda_backend();

}  // namespace accelerate

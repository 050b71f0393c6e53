#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backends/backend.h"

namespace accelerate {

/// A backend that is not part of this build: it has a name and no devices, and says so to whoever asks for it.
std::unique_ptr<Backend> make_absent_backend(std::string_view name);

}  // namespace accelerate

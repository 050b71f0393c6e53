#pragma once

#include <memory>

#include "backends/backend.h"

namespace accelerate {

/// The interpreter of graphs that defines what every op computes: plain loops, written to be read. It runs any graph, on
/// one thread, and is what other backends are tested against.
std::unique_ptr<Backend> make_reference_backend();

}  // namespace accelerate

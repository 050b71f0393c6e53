#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"

namespace accelerate {

/// Compile options with the threads that all tests of a program share.
CompileOptions options_for(Precision precision, std::vector<std::string> disabled_passes = {});

/// The graph's outputs by that backend.
TensorMap run_on(const Backend& backend, const Graph& graph, const TensorMap& inputs, Precision precision = Precision::fp32);

/// The graph's outputs by the reference.
TensorMap run_on_reference(const Graph& graph, const TensorMap& inputs, Precision precision = Precision::fp32);

/// The names of the backends that have a device here, except the reference.
std::vector<std::string> usable_backends();

}  // namespace accelerate

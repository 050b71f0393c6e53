// The runtime as a whole: its version, its devices, its errors.
#pragma once

#include <openvino/runtime/core.hpp>
#include <string>

#include "backends/backend.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::openvino {

/// The version that this module was built against, "2026.4.1".
std::string built_version();

/// Why the runtime that was loaded cannot be used; empty when it can.
std::string version_problem();

/// The process's only core: plugins are loaded when they are first needed, and once.
ov::Core& core();

/// Every device that the runtime knows of: those that it lists, and for each kind that it lists none of the reason.
Devices find_devices();

/// The runtime's name, "GPU.0", of the device that is called "openvino:GPU.0"; empty stands for the first usable one. Throws
/// unavailable when there is no such device.
std::string runtime_name(const Devices& devices, const std::string& device);

/// The precisions that a device computes in, fp32 first.
std::vector<Precision> precisions_of(const std::string& runtime_name);

/// The runtime's message in one line.
std::string one_line(std::string_view message);

/// What `function` returns; the runtime's exceptions come out as errors that begin with `doing`.
template <typename Function>
auto translating_errors(std::string_view doing, Function function) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::out_of_memory, "openvino: " + std::string(doing) + ": out of memory");
  } catch (const ov::Exception& exception) {
    throw Error(ErrorKind::internal, "openvino: " + std::string(doing) + ": " + one_line(exception.what()));
  }
}

}  // namespace accelerate::openvino

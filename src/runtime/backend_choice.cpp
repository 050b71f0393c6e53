#include "runtime/backend_choice.h"

#include <fmt/format.h>

#include <cstdlib>

#include "backends/cpu/isa.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {

BackendChoice choose_backend(std::string_view name) {
  if (name != "auto") {
    std::unique_ptr<Backend> backend = backend_named(name);
    Devices devices = backend->devices();
    if (devices.usable.empty()) throw Error(ErrorKind::unavailable, fmt::format("backend '{}' cannot run here: {}", name, devices.reason));
    return {std::move(backend), std::move(devices.usable.front())};
  }
  // A level that the caller forces and this machine lacks is an error, no reason to compute elsewhere.
  if (std::getenv("ACCELERATE_CPU_ISA") != nullptr) cpu::selected_isa();
  std::string reasons;
  for (std::unique_ptr<Backend>& backend : all_backends()) {
    Devices devices = backend->devices();
    if (!devices.usable.empty()) return {std::move(backend), std::move(devices.usable.front())};
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", backend->name(), devices.reason);
  }
  throw Error(ErrorKind::unavailable, fmt::format("no backend can run here: {}", reasons));
}

Precision choose_precision(std::string_view name) {
  if (name == "auto") return Precision::fp32;
  if (const auto precision = precision_named(name)) return *precision;
  if (name == "int4")
    throw Error(ErrorKind::unsupported, "precision 'int4': no backend of this build computes in it; there are fp32, fp16, bf16 and int8");
  throw Error(ErrorKind::invalid_argument, fmt::format("precision '{}': expected auto, fp32, bf16, fp16, int8 or int4", name));
}

}  // namespace accelerate

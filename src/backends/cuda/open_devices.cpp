#include <fmt/format.h>

#include <algorithm>

#include "backends/cuda/machine.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw Error(ErrorKind::unavailable, fmt::format("backend 'cuda' cannot run here: {}", reason));
}

FoundDevice choose(const FoundDevices& found, const std::string& name) {
  if (!found.reason.empty()) refuse(found.reason);
  if (name.empty()) return *std::ranges::find_if(found.devices, [](const FoundDevice& each) { return each.reason.empty(); });
  std::string names;
  for (const FoundDevice& each : found.devices) {
    if (each.device.name == name && each.reason.empty()) return each;
    if (each.device.name == name) refuse(fmt::format("{}: {}", name, each.reason));
    names += fmt::format("{}{}", names.empty() ? "" : ", ", each.device.name);
  }
  refuse(fmt::format("device '{}' is not one of {}", name, names));
}

}  // namespace

std::shared_ptr<OpenDevice> OpenDevices::get(const std::string& name) {
  const FoundDevice found = choose(machine_->find(), name);
  const std::lock_guard lock(mutex_);
  std::weak_ptr<OpenDevice>& known = open_[found.ordinal];
  const std::shared_ptr<OpenDevice> open = known.lock();
  if (open != nullptr && !open->lost()) return open;
  // Calls that still run on a lost device end by themselves, each with its error; the reset must not pull the context away
  // from under them.
  std::unique_lock<std::shared_mutex> alone;
  if (open != nullptr) alone = std::unique_lock(open->usage());
  auto fresh = machine_->open(found);
  known = fresh;
  return fresh;
}

}  // namespace accelerate::cuda

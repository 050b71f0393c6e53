// The CUDA devices of this machine.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/cuda/open_device.h"

namespace accelerate::cuda {

/// A device that the driver sees.
struct FoundDevice {
  int ordinal = 0;
  accelerate::Device device;
  std::string reason;  ///< why it cannot be used; empty when it can
};

struct FoundDevices {
  std::vector<FoundDevice> devices;
  std::string reason;  ///< why there is none that can be used; empty when there is one
};

class Machine {
 public:
  Machine() = default;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  virtual ~Machine() = default;

  virtual FoundDevices find() = 0;

  /// The device, reset first when an earlier fault left it unusable to this process. Throws unavailable.
  virtual std::shared_ptr<OpenDevice> open(const FoundDevice& found) = 0;
};

/// The machine that this process runs on.
std::shared_ptr<Machine> this_machine();

/// The devices that are open. The driver keeps one context a device for the whole process, so everything in the process
/// shares one OpenDevice too: whoever has to reset the context knows who uses it.
class OpenDevices {
 public:
  explicit OpenDevices(std::shared_ptr<Machine> machine) : machine_(std::move(machine)) {}

  FoundDevices find() { return machine_->find(); }

  /// The device of that name, the first usable one when the name is empty; opened anew when the open one is lost. Throws
  /// unavailable, with the reason, when there is no such device or it cannot be used.
  std::shared_ptr<OpenDevice> get(const std::string& name);

 private:
  std::shared_ptr<Machine> machine_;
  std::mutex mutex_;
  std::map<int, std::weak_ptr<OpenDevice>> open_;
};

}  // namespace accelerate::cuda

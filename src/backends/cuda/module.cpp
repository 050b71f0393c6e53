// What the program finds in this module.
#include "backends/module/module.h"

#include "backends/cuda/backend.h"

namespace {

/// All backends of a process share its open devices, as they share the driver's contexts.
const std::shared_ptr<accelerate::cuda::OpenDevices>& open_devices() {
  static const auto devices = std::make_shared<accelerate::cuda::OpenDevices>(accelerate::cuda::this_machine());
  return devices;
}

}  // namespace

const char* accelerate_module_contract() { return accelerate::module_contract.data(); }

accelerate::Backend* accelerate_make_backend() { return accelerate::cuda::make_cuda_backend(open_devices()).release(); }

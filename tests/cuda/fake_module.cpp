// The cuda backend on a fake device, as a module that the program's own tests load in place of the real one.
#include "backends/cuda/backend.h"
#include "backends/module/module.h"
#include "cuda/fake_device.h"

const char* accelerate_module_contract() { return accelerate::module_contract.data(); }

accelerate::Backend* accelerate_make_backend() {
  using namespace accelerate::cuda;
  static const auto devices = std::make_shared<OpenDevices>(make_fake_machine(std::make_shared<FakeState>()));
  return make_cuda_backend(devices).release();
}

#include "backends/cuda/open_device.h"

#include <fmt/format.h>

#include "backends/cuda/errors.h"
#include "backends/cuda/weight_store.h"

namespace accelerate::cuda {

OpenDevice::OpenDevice(std::string name, std::unique_ptr<DeviceApi> api, std::unique_ptr<MatrixProducts> products)
    : name_(std::move(name)), api_(std::move(api)), products_(std::move(products)), weights_(std::make_unique<WeightStore>()) {}

OpenDevice::~OpenDevice() {
  if (!lost_) return;
  // Their handles belong to a context that is gone, or will be with the next reset: closing them could close others'.
  products_->abandon();
  api_->abandon();
}

void OpenDevice::check(cudaError_t status, std::string_view doing) {
  if (status == cudaSuccess) return;
  api_->forget_last_error();
  const ErrorKind kind = kind_of(status);
  if (kind == ErrorKind::device_lost) lost_ = true;
  throw Error(kind, fmt::format("{}: {}: {} ({})", name_, doing, api_->sentence_of(status), api_->name_of(status)));
}

void OpenDevice::expect_alive() const {
  if (lost_) throw Error(ErrorKind::device_lost, fmt::format("{}: the device stopped working earlier and must be opened anew", name_));
}

DeviceUse::DeviceUse(OpenDevice& device) : lock_(device.usage()) {
  device.expect_alive();
  device.check(device.api().make_current(), "choosing the device");
}

}  // namespace accelerate::cuda

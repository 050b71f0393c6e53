// One device as the rest of the backend sees it: every call checked, every block of memory owned by somebody.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "backends/cuda/device_api.h"
#include "backends/cuda/matrix_products.h"

namespace accelerate::cuda {

class WeightStore;

/// A device in use. After an error that nothing runs behind it is lost for good: every further call throws device_lost,
/// and what it owned is left to the reset that the next OpenDevice begins with.
class OpenDevice {
 public:
  OpenDevice(std::string name, std::unique_ptr<DeviceApi> api, std::unique_ptr<MatrixProducts> products);
  ~OpenDevice();
  OpenDevice(const OpenDevice&) = delete;
  OpenDevice& operator=(const OpenDevice&) = delete;

  const std::string& name() const { return name_; }
  bool lost() const { return lost_; }

  /// The calls of the runtime, whose answers go through check().
  DeviceApi& api() { return *api_; }
  MatrixProducts& products() { return *products_; }
  WeightStore& weights() { return *weights_; }

  /// Throws when the status is none of success, with what was being done: "cuda:0: copying inputs: …".
  void check(cudaError_t status, std::string_view doing);

  /// Throws device_lost when the device is lost.
  void expect_alive() const;

  /// A device's memory is used under this lock, shared; whoever resets the device takes it alone.
  std::shared_mutex& usage() { return usage_; }

 private:
  std::string name_;
  std::unique_ptr<DeviceApi> api_;
  std::unique_ptr<MatrixProducts> products_;
  std::unique_ptr<WeightStore> weights_;
  std::atomic<bool> lost_ = false;
  std::shared_mutex usage_;
};

/// Holds the device for the calling thread's work: it is the thread's current one and will not be reset meanwhile.
class DeviceUse {
 public:
  /// Throws device_lost when the device is lost.
  explicit DeviceUse(OpenDevice& device);

 private:
  std::shared_lock<std::shared_mutex> lock_;
};

}  // namespace accelerate::cuda

// Which devices the driver sees, and why there is none.
#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "backends/cuda/cublaslt.h"
#include "backends/cuda/machine.h"
#include "backends/cuda/runtime_device.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

/// What the kernels are compiled for at least.
constexpr int least_capability_major = 8;

/// 13020 as "13.2".
std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

/// " by CUDA_VISIBLE_DEVICES='1'", or nothing.
std::string visible_text() {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return visible == nullptr ? "" : fmt::format(", of those that CUDA_VISIBLE_DEVICES='{}' leaves", visible);
}

/// The first of the driver's device files that is there and that this process may not open, with the system's reason.
std::string forbidden_file() {
  for (const char* file : {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia0"})
    if (access(file, F_OK) == 0 && access(file, R_OK | W_OK) != 0) return fmt::format("{}: {}", file, std::strerror(errno));
  return {};
}

std::string reason_without_devices(cudaError_t status) {
  int driver = 0;
  int runtime = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) return "there is no NVIDIA driver: libcuda.so.1 does not load";
  if (cudaRuntimeGetVersion(&runtime) != cudaSuccess) runtime = CUDART_VERSION;
  if (status == cudaErrorInsufficientDriver)
    return fmt::format("the NVIDIA driver is too old: it supports CUDA {}, and {} is needed", version_text(driver), version_text(runtime));
  if (const std::string file = forbidden_file(); !file.empty()) return fmt::format("not permitted to use the device: {}", file);
  if (status == cudaErrorNoDevice || status == cudaSuccess) return "the NVIDIA driver sees no device" + visible_text();
  return fmt::format("{} ({})", cudaGetErrorString(status), cudaGetErrorName(status));
}

/// ", driver 580.95.05", or nothing where the system does not say.
std::string driver_text() {
  std::ifstream file("/sys/module/nvidia/version");
  std::string version;
  return file >> version ? fmt::format(", driver {}", version) : "";
}

FoundDevice describe(int ordinal) {
  FoundDevice found{.ordinal = ordinal, .device = {.name = fmt::format("cuda:{}", ordinal), .description = {}}, .reason = {}};
  cudaDeviceProp properties{};
  if (const cudaError_t status = cudaGetDeviceProperties(&properties, ordinal); status != cudaSuccess) {
    found.reason = fmt::format("{} ({})", cudaGetErrorString(status), cudaGetErrorName(status));
    return found;
  }
  int driver = 0;
  cudaDriverGetVersion(&driver);
  found.device.description =
      fmt::format("{}, compute capability {}.{}, {:.1f} GiB{}, CUDA {}", static_cast<const char*>(properties.name), properties.major,
                  properties.minor, static_cast<double>(properties.totalGlobalMem) / 0x1p30, driver_text(), version_text(driver));
  if (properties.major < least_capability_major)
    found.reason =
        fmt::format("its compute capability is {}.{}, and {}.0 is needed", properties.major, properties.minor, least_capability_major);
  return found;
}

class ThisMachine final : public Machine {
 public:
  FoundDevices find() override {
    FoundDevices found;
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess || count == 0) {
      cudaGetLastError();
      found.reason = reason_without_devices(status);
      return found;
    }
    std::string library_reason;
    try {
      library();
    } catch (const Error& error) {
      library_reason = error.what();
    }
    bool any = false;
    for (int ordinal = 0; ordinal < count; ++ordinal) {
      found.devices.push_back(describe(ordinal));
      FoundDevice& device = found.devices.back();
      if (device.reason.empty()) device.reason = library_reason;
      any = any || device.reason.empty();
    }
    if (!any) found.reason = fmt::format("{}: {}", found.devices.front().device.name, found.devices.front().reason);
    return found;
  }

  std::shared_ptr<OpenDevice> open(const FoundDevice& found) override {
    auto api = open_runtime_device(found.ordinal);
    return std::make_shared<OpenDevice>(found.device.name, std::move(api), make_cublaslt_products(library()));
  }

 private:
  std::shared_ptr<const CublasLt> library() {
    const std::lock_guard lock(mutex_);
    if (library_ == nullptr) library_ = load_cublaslt(library_folders());
    return library_;
  }

  std::mutex mutex_;
  std::shared_ptr<const CublasLt> library_;
};

}  // namespace

std::shared_ptr<Machine> this_machine() { return std::make_shared<ThisMachine>(); }

}  // namespace accelerate::cuda

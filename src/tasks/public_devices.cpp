#include "ipfs_accelerate/devices.h"

#include "backends/backend.h"

namespace accelerate {

std::vector<BackendDevices> list_devices() {
  std::vector<BackendDevices> rows;
  for (const std::unique_ptr<Backend>& backend : all_backends()) {
    Devices devices = backend->devices();
    BackendDevices row{.backend = std::string(backend->name()), .devices = {}, .reason = std::move(devices.reason)};
    for (Device& device : devices.usable) row.devices.push_back({std::move(device.name), std::move(device.description)});
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace accelerate

#include "ipfs_accelerate/devices.h"

#include "backends/backend.h"
#include "backends/cpu/isa.h"
#include "ipfs_accelerate/error.h"
#include "runtime/hardware.h"

namespace accelerate {
namespace {

/// The level that kernels run at; nothing where there is none.
std::optional<cpu::Isa> selected_isa() {
  try {
    return cpu::selected_isa();
  } catch (const Error&) {
    return std::nullopt;  // the cpu backend's devices say why
  }
}

}  // namespace

HardwareInfo describe_machine() { return detect_hardware(); }

std::vector<InstructionSet> list_instruction_sets() {
  const std::optional<cpu::Isa> selected = selected_isa();
  std::vector<InstructionSet> rows;
  for (const cpu::IsaSupport& level : cpu::isa_support())
    rows.push_back(
        {.name = std::string(cpu::name_of(level.isa)), .usable = level.usable, .selected = selected == level.isa, .reason = level.reason});
  return rows;
}

std::vector<BackendDevices> list_devices() {
  std::vector<BackendDevices> rows;
  for (const std::unique_ptr<Backend>& backend : all_backends()) {
    const Devices devices = backend->devices();
    BackendDevices row{.backend = std::string(backend->name()), .precisions = {}, .devices = {}, .unusable = {}, .reason = {}};
    for (const Device& device : devices.usable) row.devices.push_back({device.name, device.description, ""});
    for (const UnusableDevice& unusable : devices.unusable)
      row.unusable.push_back({unusable.device.name, unusable.device.description, unusable.reason});
    if (devices.usable.empty())
      row.reason = devices.reason;
    else
      for (Precision precision : backend->precisions()) row.precisions.emplace_back(name_of(precision));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace accelerate

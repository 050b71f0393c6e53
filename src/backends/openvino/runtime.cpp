#include "backends/openvino/runtime.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <openvino/core/version.hpp>
#include <openvino/runtime/properties.hpp>

namespace accelerate::openvino {
namespace {

constexpr std::string_view prefix = "openvino:";
constexpr std::size_t longest_message = 400;

/// Kinds of devices that the runtime may have plugins for, and what they are to people.
struct Kind {
  const char* name;
  const char* description;
};
constexpr std::array kinds{Kind{"CPU", "processor"}, Kind{"GPU", "Intel graphics"}, Kind{"NPU", "Intel neural processor"}};

std::string description_of(const std::string& device) {
  try {
    return core().get_property(device, ov::device::full_name);
  } catch (const std::exception& error) {
    return one_line(error.what());
  }
}

/// Why the runtime lists no device of this kind.
std::string absence_of(const char* kind) {
  try {
    core().get_versions(kind);
    return "the plugin loads, and finds no such device";
  } catch (const std::exception& error) {
    return one_line(error.what());
  }
}

}  // namespace

std::string built_version() { return fmt::format("{}.{}.{}", OPENVINO_VERSION_MAJOR, OPENVINO_VERSION_MINOR, OPENVINO_VERSION_PATCH); }

std::string version_problem() {
  const std::string loaded = ov::get_openvino_version().buildNumber;
  const std::string built = built_version();
  if (loaded.starts_with(built + "-") || loaded == built) return {};
  return fmt::format("the OpenVINO runtime is {}, expected {}", loaded, built);
}

ov::Core& core() {
  static ov::Core only;
  return only;
}

Devices find_devices() {
  Devices devices;
  devices.reason = version_problem();
  if (!devices.reason.empty()) return devices;
  try {
    for (const std::string& name : core().get_available_devices())
      devices.usable.push_back({.name = std::string(prefix) + name, .description = description_of(name)});
  } catch (const std::exception& error) {
    devices.reason = fmt::format("the OpenVINO runtime does not start: {}", one_line(error.what()));
    return devices;
  }
  for (const Kind& kind : kinds) {
    const std::string name = std::string(prefix) + kind.name;
    const auto is_kind = [&](const Device& device) { return device.name == name || device.name.starts_with(name + "."); };
    if (std::ranges::none_of(devices.usable, is_kind))
      devices.unusable.push_back({.device = {.name = name, .description = kind.description}, .reason = absence_of(kind.name)});
  }
  const auto is_cpu = [](const Device& device) { return device.name == std::string(prefix) + "CPU"; };
  std::ranges::stable_partition(devices.usable, is_cpu);
  if (devices.usable.empty()) {
    devices.reason = "the OpenVINO runtime has no device:";
    for (const UnusableDevice& each : devices.unusable) devices.reason += fmt::format(" {}: {};", each.device.name, each.reason);
    devices.reason.pop_back();
  }
  return devices;
}

std::string runtime_name(const Devices& devices, const std::string& device) {
  if (devices.usable.empty()) throw Error(ErrorKind::unavailable, fmt::format("backend 'openvino' cannot run here: {}", devices.reason));
  if (device.empty()) return devices.usable.front().name.substr(prefix.size());
  for (const Device& usable : devices.usable)
    if (usable.name == device) return device.substr(prefix.size());
  for (const UnusableDevice& unusable : devices.unusable)
    if (unusable.device.name == device) throw Error(ErrorKind::unavailable, fmt::format("device '{}': {}", device, unusable.reason));
  std::string names;
  for (const Device& usable : devices.usable) names += (names.empty() ? "" : ", ") + usable.name;
  throw Error(ErrorKind::unavailable, fmt::format("device '{}' is not one of {}", device, names));
}

std::vector<Precision> precisions_of(const std::string& runtime_name) {
  const std::vector<std::string> capabilities = core().get_property(runtime_name, ov::device::capabilities);
  const auto has = [&](const std::string& capability) { return std::ranges::find(capabilities, capability) != capabilities.end(); };
  std::vector<Precision> precisions{Precision::fp32};
  // On processors that compute in float16 the runtime sums in it too: answers of DeBERTa-v2 are then wrong by half and more.
  const bool is_processor = runtime_name == "CPU";
  if (has(ov::device::capability::FP16) && !is_processor) precisions.push_back(Precision::fp16);
  if (has(ov::device::capability::BF16)) precisions.push_back(Precision::bf16);
  precisions.insert(precisions.end(), {Precision::int8, Precision::int4});  // of stored weights, which every device widens
  return precisions;
}

std::string one_line(std::string_view message) {
  // The first line of its exceptions is where in the runtime's sources they were thrown.
  if (const std::size_t end = message.find('\n'); message.starts_with("Exception from ") && end != std::string_view::npos)
    message.remove_prefix(end + 1);
  std::string line;
  for (const char letter : message) {
    const bool is_space = letter == '\n' || letter == '\r' || letter == '\t' || letter == ' ';
    if (!is_space)
      line += letter;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line.size() > longest_message ? line.substr(0, longest_message) + "…" : line;
}

}  // namespace accelerate::openvino

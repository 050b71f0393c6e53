// `devices`: what this machine has, what each backend can use, and why not.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "backends/backend.h"
#include "backends/cpu/isa.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/output.h"
#include "ipfs_accelerate/error.h"
#include "runtime/hardware.h"

namespace accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json value_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

/// The level that kernels run at, or why there is none.
std::string selected_isa_text() {
  try {
    return std::string(cpu::name_of(cpu::selected_isa()));
  } catch (const Error& error) {
    return error.what();
  }
}

Json machine_json(const HardwareInfo& machine) {
  Json caches = Json::array();
  for (const CacheInfo& cache : machine.caches) caches.push_back({{"level", cache.level}, {"bytes", cache.bytes}, {"count", cache.count}});
  return {{"cpu", machine.cpu_model},
          {"sockets", value_or_null(machine.sockets)},
          {"physical_cores", value_or_null(machine.physical_cores)},
          {"logical_cores", value_or_null(machine.logical_cores)},
          {"usable_cores", machine.usable_cores},
          {"caches", std::move(caches)},
          {"numa_nodes", value_or_null(machine.numa_nodes)},
          {"memory_bytes", value_or_null(machine.memory_bytes)},
          {"memory_limit_bytes", value_or_null(machine.memory_limit_bytes)},
          {"memory_available_bytes", value_or_null(machine.memory_available_bytes)}};
}

Json isa_json() {
  Json levels = Json::array();
  for (const cpu::IsaSupport& level : cpu::isa_support()) {
    Json row{{"isa", cpu::name_of(level.isa)}, {"usable", level.usable}};
    if (!level.usable) row["reason"] = level.reason;
    levels.push_back(std::move(row));
  }
  return levels;
}

Json backends_json() {
  Json backends = Json::array();
  for (const std::unique_ptr<Backend>& backend : all_backends()) {
    const Devices devices = backend->devices();
    Json usable = Json::array();
    for (const Device& device : devices.usable) usable.push_back({{"name", device.name}, {"description", device.description}});
    Json row{{"backend", backend->name()}, {"devices", std::move(usable)}};
    if (devices.usable.empty()) row["reason"] = devices.reason;
    backends.push_back(std::move(row));
  }
  return backends;
}

template <typename T>
std::string text_or_unknown(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "unknown";
}

std::string memory_text(const std::optional<std::int64_t>& bytes) { return bytes ? bytes_text(static_cast<double>(*bytes)) : "unknown"; }

void print_machine(Output& out, const HardwareInfo& machine) {
  out.line("Machine");
  out.line(fmt::format("  processor    {}", machine.cpu_model.empty() ? "unknown" : machine.cpu_model));
  out.line(fmt::format("  cores        {} usable of {} logical, {} physical, {} socket(s), {} NUMA node(s)", machine.usable_cores,
                       text_or_unknown(machine.logical_cores), text_or_unknown(machine.physical_cores), text_or_unknown(machine.sockets),
                       text_or_unknown(machine.numa_nodes)));
  std::vector<std::string> caches;
  for (const CacheInfo& cache : machine.caches)
    caches.push_back(fmt::format("L{} {} × {}", cache.level, cache.count, bytes_text(static_cast<double>(cache.bytes))));
  if (!caches.empty()) out.line(fmt::format("  caches       {}", fmt::join(caches, ", ")));
  out.line(fmt::format("  memory       {}, {} available", memory_text(machine.memory_bytes), memory_text(machine.memory_available_bytes)));
  if (machine.memory_limit_bytes) out.line(fmt::format("  memory limit {}", memory_text(machine.memory_limit_bytes)));
}

void print_table(Output& out) {
  print_machine(out, detect_hardware());
  out.line(fmt::format("\nInstruction sets of the cpu backend (runs at: {})", selected_isa_text()));
  for (const cpu::IsaSupport& level : cpu::isa_support())
    out.line(fmt::format("  {:<12} {}", cpu::name_of(level.isa), level.usable ? "yes" : "no: " + level.reason));
  out.line("\nBackends, in the order of preference of auto");
  for (const std::unique_ptr<Backend>& backend : all_backends()) {
    const Devices devices = backend->devices();
    if (devices.usable.empty()) out.line(fmt::format("  {:<12} no: {}", backend->name(), devices.reason));
    for (const Device& device : devices.usable) out.line(fmt::format("  {:<12} {} ({})", backend->name(), device.name, device.description));
  }
}

void devices(bool json) {
  Output out;
  if (json) {
    out.line(Json{
        {"machine", machine_json(detect_hardware())}, {"isa", selected_isa_text()}, {"isas", isa_json()}, {"backends", backends_json()}}
                 .dump());
  } else {
    print_table(out);
  }
  out.finish();
}

}  // namespace

void add_devices_command(CLI::App& app) {
  CLI::App& command = *app.add_subcommand("devices", "What this machine has, what each backend can use, and why not");
  const auto json = std::make_shared<bool>(false);
  add_json_option(command, *json);
  add_examples(command, "  ipfs-accelerate devices\n  ACCELERATE_CPU_ISA=avx2 ipfs-accelerate devices --json");
  command.callback([json] { devices(*json); });
}

}  // namespace accelerate::cli

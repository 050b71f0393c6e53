// `devices`: what this machine has, what each backend can use, and why not; and how a model would run here.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/explain.h"
#include "cli/options.h"
#include "cli/output.h"
#include "ipfs_accelerate/devices.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json value_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json machine_json(const HardwareInfo& machine) {
  Json caches = Json::array();
  for (const CacheInfo& cache : machine.caches) caches.push_back({{"level", cache.level}, {"bytes", cache.bytes}, {"count", cache.count}});
  Json nodes = Json::array();
  for (const NumaNode& node : machine.numa_nodes)
    nodes.push_back({{"number", node.number}, {"logical_cores", node.logical_cores}, {"memory_bytes", value_or_null(node.memory_bytes)}});
  return {{"cpu", machine.cpu_model},
          {"sockets", value_or_null(machine.sockets)},
          {"physical_cores", value_or_null(machine.physical_cores)},
          {"logical_cores", value_or_null(machine.logical_cores)},
          {"usable_cores", machine.usable_cores},
          {"core_limit", value_or_null(machine.core_limit)},
          {"caches", std::move(caches)},
          {"numa_nodes", std::move(nodes)},
          {"memory_bytes", value_or_null(machine.memory_bytes)},
          {"memory_limit_bytes", value_or_null(machine.memory_limit_bytes)},
          {"memory_available_bytes", value_or_null(machine.memory_available_bytes)}};
}

/// The instruction set that kernels use; null where there is none.
Json selected_json(const std::vector<InstructionSet>& sets) {
  for (const InstructionSet& set : sets)
    if (set.selected) return set.name;
  return nullptr;
}

Json sets_json(const std::vector<InstructionSet>& sets) {
  Json rows = Json::array();
  for (const InstructionSet& set : sets) {
    Json row{{"isa", set.name}, {"usable", set.usable}};
    if (!set.usable) row["reason"] = set.reason;
    rows.push_back(std::move(row));
  }
  return rows;
}

Json backends_json(const std::vector<BackendDevices>& backends) {
  Json rows = Json::array();
  for (const BackendDevices& backend : backends) {
    Json usable = Json::array();
    for (const auto& device : backend.devices) usable.push_back({{"name", device.name}, {"description", device.description}});
    Json unusable = Json::array();
    for (const auto& device : backend.unusable)
      unusable.push_back({{"name", device.name}, {"description", device.description}, {"reason", device.reason}});
    Json row{{"backend", backend.backend},
             {"precisions", backend.precisions},
             {"devices", std::move(usable)},
             {"unusable", std::move(unusable)}};
    if (!backend.reason.empty()) row["reason"] = backend.reason;
    rows.push_back(std::move(row));
  }
  return rows;
}

template <typename T>
std::string text_or_unknown(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "unknown";
}

std::string memory_text(const std::optional<std::int64_t>& bytes) { return bytes ? bytes_text(static_cast<double>(*bytes)) : "unknown"; }

void print_machine(Output& out, const HardwareInfo& machine) {
  out.line("Machine");
  out.line(fmt::format("  processor    {}", machine.cpu_model.empty() ? "unknown" : machine.cpu_model));
  out.line(fmt::format("  cores        {} usable of {} logical, {} physical, {} socket(s)", machine.usable_cores,
                       text_or_unknown(machine.logical_cores), text_or_unknown(machine.physical_cores), text_or_unknown(machine.sockets)));
  if (machine.core_limit) out.line(fmt::format("  core limit   {:.1f} of the control group", *machine.core_limit));
  for (const NumaNode& node : machine.numa_nodes)
    out.line(fmt::format("  NUMA node {}  {} logical cores, {}", node.number, node.logical_cores, memory_text(node.memory_bytes)));
  std::vector<std::string> caches;
  for (const CacheInfo& cache : machine.caches)
    caches.push_back(fmt::format("L{} {} × {}", cache.level, cache.count, bytes_text(static_cast<double>(cache.bytes))));
  if (!caches.empty()) out.line(fmt::format("  caches       {}", fmt::join(caches, ", ")));
  out.line(fmt::format("  memory       {}, {} available", memory_text(machine.memory_bytes), memory_text(machine.memory_available_bytes)));
  if (machine.memory_limit_bytes) out.line(fmt::format("  memory limit {} of the control group", memory_text(machine.memory_limit_bytes)));
}

void print_backend(Output& out, const BackendDevices& backend) {
  if (!backend.reason.empty()) out.line(fmt::format("  {:<12} no: {}", backend.backend, backend.reason));
  for (const auto& device : backend.devices)
    out.line(fmt::format("  {:<12} {} ({}): {}", backend.backend, device.name, device.description, fmt::join(backend.precisions, ", ")));
  for (const auto& device : backend.unusable)
    out.line(fmt::format("  {:<12} {} ({}) no: {}", backend.backend, device.name, device.description, device.reason));
}

void print_table(Output& out) {
  print_machine(out, describe_machine());
  out.line("\nInstruction sets of the cpu backend");
  for (const InstructionSet& set : list_instruction_sets())
    out.line(fmt::format("  {:<12} {}", set.name, set.selected ? "yes, in use" : set.usable ? "yes" : "no: " + set.reason));
  out.line("\nBackends");
  for (const BackendDevices& backend : list_devices()) print_backend(out, backend);
}

void devices(bool json) {
  Output out;
  if (json) {
    const std::vector<InstructionSet> sets = list_instruction_sets();
    const Json report{{"machine", machine_json(describe_machine())},
                      {"isa", selected_json(sets)},
                      {"isas", sets_json(sets)},
                      {"backends", backends_json(list_devices())}};
    out.line(report.dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    print_table(out);
  }
  out.finish();
}

void run_devices(const ExplainOptions& options) {
  if (!options.model.empty()) return explain(options);
  if (options.recalibrate) throw Error(ErrorKind::invalid_argument, "--recalibrate: goes with --explain MODEL, the model to measure");
  devices(options.json);
}

}  // namespace

void add_devices_command(CLI::App& app) {
  CLI::App& command = *app.add_subcommand("devices", "What this machine has, what each backend can use, and why not");
  const auto options = std::make_shared<ExplainOptions>();
  command.add_option("--explain", options->model, "how this model folder would run here, what else was measured, and why not")
      ->type_name("MODEL");
  command.add_flag("--recalibrate", options->recalibrate, "with --explain: measure again");
  add_json_option(command, options->json);
  add_compute_options(command, options->compute);
  add_examples(command,
               "  ipfs-accelerate devices\n"
               "  ipfs-accelerate devices --explain models/minilm --prefer throughput --accuracy 0.99\n"
               "  ACCELERATE_CPU_ISA=avx2 ipfs-accelerate devices --json");
  command.callback([options] { run_devices(*options); });
}

}  // namespace accelerate::cli

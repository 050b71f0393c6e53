// What a stored calibration holds for.
#include <fmt/format.h>

#include <algorithm>

#include "backends/cpu/isa.h"
#include "backends/module/module.h"
#include "base/cgroup.h"
#include "base/hash.h"
#include "base/thread_pool.h"
#include "graph/print.h"
#include "ipfs_accelerate/error.h"
#include "runtime/calibration_file.h"
#include "runtime/hardware.h"

namespace accelerate {
namespace {

/// Two models of one shape differ in accuracy: some bytes from the middle of each weight tell them apart. Reading all of them
/// would take longer than loading the model.
void add_weights(Hash& hash, const Graph& graph) {
  constexpr std::size_t sample = 64;
  for (const Node& node : graph.nodes()) {
    if (node.op != Op::constant) continue;
    const Tensor& tensor = node.as<ConstantOptions>().tensor;
    hash.add(fmt::format("{} {}", name_of(tensor.dtype()), shape_text(tensor.shape())));
    const std::span<const std::byte> bytes = tensor.bytes();
    const std::size_t begin = bytes.size() / 2;
    hash.add(bytes.subspan(begin, std::min(sample, bytes.size() - begin)));
  }
}

std::string isa_text() {
  try {
    return std::string(cpu::name_of(cpu::selected_isa()));
  } catch (const Error& error) {
    return error.what();
  }
}

void add_machine(Hash& hash) {
  hash.add(processor_model());
  hash.add(isa_text());
  hash.add(fmt::format("{} cores, {} bytes", usable_cores(), control_group_limits().memory_bytes.value_or(0)));
}

}  // namespace

std::string calibration_key(const Graph& graph, const Candidates& candidates, std::span<const std::string> disabled_passes) {
  Hash hash;
  hash.add(module_contract);  // begins with the library's version
  hash.add(to_text(graph));
  add_weights(hash, graph);
  add_machine(hash);
  for (const Place& place : candidates.places)
    hash.add(fmt::format("{} {} {} {}", place.backend->name(), place.device.name, place.device.description, name_of(place.precision)));
  for (int threads : candidates.thread_counts) hash.add(fmt::format("{} threads", threads));
  for (const std::string& pass : disabled_passes) hash.add("-" + pass);
  return fmt::format("{:016x}", hash.value());
}

}  // namespace accelerate

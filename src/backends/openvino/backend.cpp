#include <fmt/format.h>

#include <algorithm>

#include "backends/module/module.h"
#include "backends/openvino/executable.h"
#include "backends/openvino/runtime.h"
#include "backends/openvino/translation.h"

namespace accelerate {
namespace {

class OpenvinoBackend final : public Backend {
 public:
  OpenvinoBackend() : devices_(openvino::find_devices()) {
    for (const Device& device : devices_.usable)
      for (Precision precision : openvino::precisions_of(openvino::runtime_name(devices_, device.name)))
        if (std::ranges::find(precisions_, precision) == precisions_.end()) precisions_.push_back(precision);
    std::ranges::sort(precisions_);
  }

  std::string_view name() const override { return "openvino"; }
  Devices devices() const override { return devices_; }
  std::span<const Precision> precisions() const override { return precisions_; }

  Support supports(const Graph& graph, const Node& node) const override {
    std::string refusal = openvino::refusal_of(graph, node);
    return {.yes = refusal.empty(), .reason = std::move(refusal)};
  }

  std::unique_ptr<Executable> compile(Graph graph, const CompileOptions& options) const override {
    const std::string device = openvino::runtime_name(devices_, options.device);
    check_precision(*this, options.precision);
    const std::vector<Precision> computed = openvino::precisions_of(device);
    if (std::ranges::find(computed, options.precision) == computed.end())
      throw Error(ErrorKind::unsupported,
                  fmt::format("precision '{}': device openvino:{} does not compute in it", name_of(options.precision), device));

    const PassContext context{.precision = options.precision,
                              .supports = [this](const Graph& within, const Node& node) { return supports(within, node).yes; }};
    CompileReport report{.implementation = fmt::format("openvino {} {}", openvino::built_version(), device), .passes = {}, .graph = {}};
    report.graph = run_passes(std::move(graph), passes(), context, options.disabled_passes, report.passes);
    for (const Node& node : report.graph.nodes())
      if (const Support support = supports(report.graph, node); !support.yes)
        throw Error(ErrorKind::unsupported, fmt::format("backend openvino: {}", support.reason));
    return std::make_unique<openvino::OpenvinoExecutable>(std::move(report), options, device);
  }

 private:
  /// The runtime is handed base ops and fuses them itself.
  static std::vector<Pass> passes() {
    std::vector<Pass> needed;
    std::ranges::copy_if(all_passes(), std::back_inserter(needed), &Pass::required);
    return needed;
  }

  Devices devices_;
  std::vector<Precision> precisions_;
};

}  // namespace
}  // namespace accelerate

const char* accelerate_module_contract() { return accelerate::module_contract.data(); }

accelerate::Backend* accelerate_make_backend() { return std::make_unique<accelerate::OpenvinoBackend>().release(); }

#include "backends/cuda/backend.h"

#include <fmt/format.h>

#include <array>

#include "backends/cpu/backend.h"
#include "backends/cuda/executable.h"
#include "backends/cuda/support.h"
#include "backends/fold_constants.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(std::shared_ptr<OpenDevices> devices) : devices_(std::move(devices)) {}

  std::string_view name() const override { return "cuda"; }

  Devices devices() const override {
    const FoundDevices found = devices_->find();
    Devices devices{.usable = {}, .unusable = {}, .reason = found.reason};
    for (const FoundDevice& each : found.devices) {
      if (each.reason.empty())
        devices.usable.push_back(each.device);
      else
        devices.unusable.push_back({each.device, each.reason});
    }
    return devices;
  }

  std::span<const Precision> precisions() const override {
    static constexpr std::array computed{Precision::fp32, Precision::fp16, Precision::bf16, Precision::int8};
    return computed;
  }

  Support supports(const Graph& graph, const Node& node) const override { return support_of(graph, node); }

  std::unique_ptr<Executable> compile(Graph graph, const CompileOptions& options) const override {
    check_precision(*this, options.precision);
    std::shared_ptr<OpenDevice> device = devices_->get(options.device);
    const PassContext context{.precision = options.precision,
                              .supports = [](const Graph& within, const Node& node) { return support_of(within, node).yes; }};
    // Once, on the host: what follows from constants alone is small.
    graph = fold_constants(graph, *make_cpu_backend(), {.threads = options.threads}, ArrangedWeights::are_folded);
    CompileReport report{.implementation = fmt::format("cuda {}", device->name()), .passes = {}, .graph = {}};
    report.graph = run_passes(std::move(graph), all_passes(), context, options.disabled_passes, report.passes);
    for (const Node& node : report.graph.nodes())
      if (const Support support = support_of(report.graph, node); !support.yes)
        throw Error(ErrorKind::unsupported, fmt::format("backend cuda: {}", support.reason));
    return std::make_unique<CudaExecutable>(std::move(device), std::move(report), options);
  }

 private:
  std::shared_ptr<OpenDevices> devices_;
};

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(std::shared_ptr<OpenDevices> devices) {
  return std::make_unique<CudaBackend>(std::move(devices));
}

}  // namespace accelerate::cuda

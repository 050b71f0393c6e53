#include "backends/cpu/backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>

#include "backends/cpu/executable.h"
#include "backends/cpu/general.h"
#include "backends/cpu/steps.h"
#include "backends/fold_constants.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

/// Whether the node appends what attentions alone read, as keys or values.
bool is_key_or_value(const Graph& graph, const Node& node) {
  if (node.op != Op::append || std::ranges::count(graph.outputs(), node.outputs.front(), &NamedValue::value) > 0) return false;
  return std::ranges::all_of(graph.nodes(), [&](const Node& reader) {
    const auto reads = std::ranges::count(reader.inputs, node.outputs.front());
    return reads == 0 || (cpu::is_remembered(graph, reader) &&
                          reads == std::count(reader.inputs.begin() + 1, reader.inputs.begin() + 3, node.outputs.front()));
  });
}

class CpuBackend final : public Backend {
 public:
  std::string_view name() const override { return "cpu"; }

  Devices devices() const override {
    try {
      return {.usable = {{.name = "cpu", .description = fmt::format("kernels for {}", cpu::name_of(cpu::selected_isa()))}},
              .unusable = {},
              .reason = {}};
    } catch (const Error& error) {
      return {.usable = {}, .unusable = {}, .reason = error.what()};
    }
  }

  std::span<const Precision> precisions() const override {
    static constexpr std::array computed{Precision::fp32, Precision::bf16, Precision::int8, Precision::int4};
    return computed;
  }

  Support supports(const Graph& graph, const Node& node) const override {
    if (node.op == Op::input || node.op == Op::constant || node.op == Op::attention || is_key_or_value(graph, node) ||
        cpu::is_row_local(graph, node) || cpu::general_supports(node.op))
      return {.yes = true, .reason = {}};
    if (node.op == Op::linear || node.op == Op::grouped_linear)
      return {.yes = false,
              .reason = fmt::format("[{}] the weight is not a constant, or the input has other axes", traits_of(node.op).name)};
    return {.yes = false, .reason = fmt::format("[{}] is not for these shapes", traits_of(node.op).name)};
  }

  std::unique_ptr<Executable> compile(Graph graph, const CompileOptions& options) const override {
    check_precision(*this, options.precision);
    const PassContext context{.precision = options.precision,
                              .supports = [this](const Graph& within, const Node& node) { return supports(within, node).yes; }};
    CompileReport report{.implementation = fmt::format("cpu {}", cpu::name_of(cpu::selected_isa())), .passes = {}, .graph = {}};
    graph = fold_constants(graph, *this, options, ArrangedWeights::stay);
    report.graph = run_passes(std::move(graph), all_passes(), context, options.disabled_passes, report.passes);
    for (const Node& node : report.graph.nodes())
      if (const Support support = supports(report.graph, node); !support.yes)
        throw Error(ErrorKind::unsupported, fmt::format("backend cpu: {}", support.reason));
    try {
      return std::make_unique<cpu::CpuExecutable>(std::move(report), options);
    } catch (const std::bad_alloc&) {
      throw Error(ErrorKind::out_of_memory, "backend cpu: no memory left for the weights");
    }
  }
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend() { return std::make_unique<CpuBackend>(); }

}  // namespace accelerate

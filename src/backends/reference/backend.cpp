#include "backends/reference/backend.h"

#include <utility>

#include "backends/reference/evaluate.h"
#include "backends/reference/remembered.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

class ReferenceExecutable final : public Executable {
 public:
  ReferenceExecutable(CompileReport report, std::shared_ptr<ThreadPool> threads)
      : report_(std::move(report)), threads_(std::move(threads)) {
    const Graph& graph = report_.graph;
    constants_.resize(static_cast<std::size_t>(graph.value_count()));
    for (const Node& node : graph.nodes())
      if (node.op == Op::constant) constants_[static_cast<std::size_t>(node.outputs.front())] = evaluate_node(graph, node, {}, {}).front();
  }

  const CompileReport& report() const override { return report_; }

  TensorMap run(const TensorMap& inputs) const override { return compute(inputs, nullptr); }

  std::unique_ptr<State> make_state(const StateOptions& options) const override {
    return std::make_unique<reference::RememberedRows>(report_.graph, options);
  }

  TensorMap run(const TensorMap& inputs, const StateCall& call) const override {
    return compute(with_context(report_.graph, inputs, call), &call);
  }

 private:
  TensorMap compute(const TensorMap& inputs, const StateCall* call) const {
    const ThreadPool::Place place(*threads_);
    const Graph& graph = report_.graph;
    SizeMap sizes = bind_inputs(graph, inputs);
    bind_context(graph, inputs, sizes);
    auto* remembered = call == nullptr ? nullptr : dynamic_cast<reference::RememberedRows*>(&call->state);
    std::vector<std::pair<const Node*, Tensor>> appended;
    std::vector<Tensor> values = constants_;
    std::vector<int> uses_left = graph.use_counts();
    for (const Node& node : graph.nodes()) {
      if (node.op == Op::constant) continue;
      if (node.op == Op::input) {
        values[static_cast<std::size_t>(node.outputs.front())] = inputs.find(node.as<InputOptions>().name)->second;
        continue;
      }
      std::vector<Tensor> arguments;
      for (ValueId input : node.inputs) arguments.push_back(input == no_value ? Tensor() : values[static_cast<std::size_t>(input)]);
      std::vector<Tensor> results;
      if (node.op == Op::append && remembered != nullptr) {
        results = {remembered->appended(node, arguments[0], arguments[1].values<std::int64_t>(), call->sequences)};
        appended.emplace_back(&node, results[0]);
      } else {
        results = evaluate_node(graph, node, arguments, sizes);
      }
      for (std::size_t i = 0; i < results.size(); ++i) values[static_cast<std::size_t>(node.outputs[i])] = std::move(results[i]);
      for (ValueId input : node.inputs)
        if (input != no_value && --uses_left[static_cast<std::size_t>(input)] == 0) values[static_cast<std::size_t>(input)] = Tensor();
    }
    TensorMap outputs;
    for (const NamedValue& output : graph.outputs()) outputs[output.name] = values[static_cast<std::size_t>(output.value)];
    for (const auto& [node, rows] : appended) {
      const Tensor& context = inputs.find(graph.producer(node->inputs[2]).as<InputOptions>().name)->second;
      remembered->keep(*node, rows, context.values<std::int64_t>(), call->sequences);
    }
    return outputs;
  }

  CompileReport report_;
  std::shared_ptr<ThreadPool> threads_;
  std::vector<Tensor> constants_;  // by value; empty where another op makes it
};

class ReferenceBackend final : public Backend {
 public:
  std::string_view name() const override { return "reference"; }

  Devices devices() const override {
    return {.usable = {{"cpu", "plain loops on one thread, for checking other backends"}}, .unusable = {}, .reason = {}};
  }

  std::span<const Precision> precisions() const override { return all_precisions; }

  Support supports(const Graph&, const Node&) const override { return {true, {}}; }

  std::unique_ptr<Executable> compile(Graph graph, const CompileOptions& options) const override {
    // Nothing is fused, so that a fault in a pass shows as a difference from this backend.
    std::vector<Pass> passes;
    for (const Pass& pass : all_passes())
      if (pass.name == "set_precision") passes.push_back(pass);
    const PassContext context{.precision = options.precision, .supports = [](const Graph&, const Node&) { return true; }};
    CompileReport report{.implementation = "reference", .passes = {}, .graph = {}};
    report.graph = run_passes(std::move(graph), passes, context, options.disabled_passes, report.passes);
    return std::make_unique<ReferenceExecutable>(std::move(report), options.threads);
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace accelerate

#include "backends/openvino/executable.h"

#include <algorithm>
#include <map>
#include <openvino/runtime/properties.hpp>

#include "backends/openvino/runtime.h"
#include "backends/openvino/translation.h"

namespace accelerate::openvino {
namespace {

/// The tensor's memory as the runtime sees it; the runtime does not write to what it is fed with.
ov::Tensor view_of(const Tensor& tensor) {
  const ov::Shape shape(tensor.shape().begin(), tensor.shape().end());
  return {element_of(tensor.dtype()), shape, const_cast<std::byte*>(tensor.bytes().data())};
}

ov::element::Type inference_precision(Precision precision) {
  switch (precision) {
    case Precision::fp16:
      return ov::element::f16;
    case Precision::bf16:
      return ov::element::bf16;
    default:
      return ov::element::f32;
  }
}

ov::AnyMap properties_for(Precision precision, const std::string& device, int threads) {
  ov::AnyMap properties{ov::hint::inference_precision(inference_precision(precision)),
                        ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY)};
  if (device == "CPU") properties.insert({ov::inference_num_threads(threads), ov::num_streams(1)});
  return properties;
}

}  // namespace

void CompiledGraph::run(const Call& call, std::span<Tensor> outputs) {
  ov::InferRequest request = take_request();
  std::vector<Tensor> fed;
  for (std::size_t i = 0; i < feeds_.size(); ++i) {
    fed.push_back(tensor_of(call, feeds_[i]));
    request.set_input_tensor(i, view_of(fed.back()));
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) request.set_output_tensor(i, view_of(outputs[i]));
  request.infer();
  give_request(std::move(request));
}

ov::InferRequest CompiledGraph::take_request() {
  const std::lock_guard lock(requests_mutex_);
  if (requests_.empty()) return model_.create_infer_request();
  ov::InferRequest request = std::move(requests_.back());
  requests_.pop_back();
  return request;
}

void CompiledGraph::give_request(ov::InferRequest request) {
  const std::lock_guard lock(requests_mutex_);
  requests_.push_back(std::move(request));
}

OpenvinoExecutable::OpenvinoExecutable(CompileReport report, const CompileOptions& options, std::string device)
    : report_(std::move(report)),
      precision_(options.precision),
      threads_(options.threads),
      device_(std::move(device)),
      host_(report_.graph),
      sequences_(sequence_values(report_.graph)) {
  needs_runtime_ = std::ranges::any_of(report_.graph.outputs(), [&](const NamedValue& output) { return !host_.knows(output.value); });
  if (!needs_runtime_) return;
  compiled_for(Layout::equal);
  count_runtime_ops();
  if (options.release) release_packed_weights(options.release);
}

CompiledGraph& OpenvinoExecutable::compiled_for(Layout layout) const {
  Variant& variant = variants_[static_cast<std::size_t>(layout)];
  const std::lock_guard lock(variant.mutex);
  if (!variant.compiled) variant.compiled = compile(layout);
  return *variant.compiled;
}

std::unique_ptr<CompiledGraph> OpenvinoExecutable::compile(Layout layout) const {
  return translating_errors("compiling", [&] {
    Translation translation(report_.graph, host_, {.layout = layout, .threads = threads_.get()});
    translation.run();
    ov::CompiledModel model = core().compile_model(translation.finish(), device_, properties_for(precision_, device_, threads_->threads()));
    return std::make_unique<CompiledGraph>(std::vector<Feed>(translation.feeds().begin(), translation.feeds().end()), std::move(model));
  });
}

void OpenvinoExecutable::count_runtime_ops() {
  std::map<std::string, int> counts;
  for (const auto& node : compiled_for(Layout::equal).model().get_runtime_model()->get_ops()) {
    const auto type = node->get_rt_info().find("layerType");
    if (type != node->get_rt_info().end()) ++counts[type->second.as<std::string>()];
  }
  for (const auto& [name, count] : counts)
    if (name != "Input" && name != "Output" && name != "Const") report_.runtime_ops.push_back({name, count});
  std::ranges::stable_sort(report_.runtime_ops, std::ranges::greater(), &RuntimeOp::count);
}

// Linears read their weights from the runtime's packed copy; what is looked up by rows stays in use.
void OpenvinoExecutable::release_packed_weights(const std::function<void(const Tensor&)>& release) const {
  const Graph& graph = report_.graph;
  std::vector<bool> is_packed(static_cast<std::size_t>(graph.value_count()), false);
  std::vector<bool> is_read = is_packed;
  for (const Node& node : graph.nodes())
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (node.inputs[i] != no_value) (node.op == Op::linear && i == 1 ? is_packed : is_read)[static_cast<std::size_t>(node.inputs[i])] = true;
  for (const Node& node : graph.nodes()) {
    const auto value = static_cast<std::size_t>(node.outputs.front());
    if (node.op == Op::constant && is_packed[value] && !is_read[value]) release(node.as<ConstantOptions>().tensor);
  }
}

TensorMap OpenvinoExecutable::run(const TensorMap& inputs) const {
  const Graph& graph = report_.graph;
  Call call{.graph = graph, .sizes = bind_inputs(graph, inputs), .values = {}};
  call.values = host_.run(inputs, call.sizes);
  check_call(call);
  call.layout = layout_of(call, sequences_);

  std::vector<Tensor> computed;
  bool is_empty = true;
  for (const NamedValue& output : graph.outputs()) {
    if (host_.knows(output.value)) continue;
    const ValueType& type = graph.type(output.value);
    computed.push_back(Tensor::zeros(type.dtype, evaluate(type.shape, call.sizes)));
    is_empty = is_empty && computed.back().size() == 0;
  }
  if (!is_empty) translating_errors("running", [&] { compiled_for(call.layout).run(call, computed); });

  TensorMap outputs;
  std::size_t next = 0;
  for (const NamedValue& output : graph.outputs())
    outputs.emplace(output.name, host_.knows(output.value) ? call.value(output.value) : computed[next++]);
  return outputs;
}

}  // namespace accelerate::openvino

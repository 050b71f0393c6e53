#include "backends/openvino/executable.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <openvino/runtime/properties.hpp>
#include <sstream>

#include "backends/openvino/blob_cache.h"
#include "backends/openvino/digest.h"
#include "backends/openvino/runtime.h"
#include "backends/openvino/translation.h"

namespace accelerate::openvino {
namespace {

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

ov::AnyMap properties_for(Precision precision, const std::string& device, int threads, bool shared) {
  const auto mode = shared ? ov::hint::PerformanceMode::THROUGHPUT : ov::hint::PerformanceMode::LATENCY;
  ov::AnyMap properties{ov::hint::inference_precision(inference_precision(precision)), ov::hint::performance_mode(mode)};
  // Left to itself the runtime rounds the activations of compressed products too, in groups of its own choice.
  if (device == "CPU")
    properties.insert(
        {ov::inference_num_threads(threads), ov::num_streams(shared ? threads : 1), ov::hint::dynamic_quantization_group_size(0)});
  return properties;
}

/// Models for single shapes that may be kept at once: each has its own copy of the weights.
std::size_t most_static_shapes(const Graph& graph) {
  constexpr std::size_t most = 8;
  constexpr std::size_t most_bytes = std::size_t{1} << 30;
  std::size_t bytes = 1;
  for (const Node& node : graph.nodes())
    if (node.op == Op::constant) bytes += node.as<ConstantOptions>().tensor.bytes().size();
  return std::min(most, most_bytes / bytes);
}

/// Of this module's own file: another build may translate otherwise, and must not take what this one compiled.
std::string digest_of_module(ThreadPool& threads) {
  Dl_info place{};
  if (dladdr(reinterpret_cast<const void*>(&properties_for), &place) == 0)
    throw Error(ErrorKind::internal, "openvino: the module's file is not known");
  return digest_of(MappedFile::open(place.dli_fname)->bytes(), threads);
}

}  // namespace

OpenvinoExecutable::OpenvinoExecutable(CompileReport report, const CompileOptions& options, std::string device)
    : report_(std::move(report)),
      precision_(options.precision),
      threads_(options.threads),
      cache_(options.cache),
      device_(std::move(device)),
      host_(report_.graph),
      sequences_(sequence_values(report_.graph)),
      appended_(appended_sizes(report_.graph)),
      is_separable_(device_ == "CPU" && is_separable(report_.graph)),
      static_shapes_(most_static_shapes(report_.graph)) {
  const auto is_computed = [&](const NamedValue& output) { return !host_.knows(output.value); };
  if (std::ranges::none_of(report_.graph.outputs(), is_computed)) return;
  std::string note;
  count_runtime_ops(*compiled_for({}, &note));
  if (!note.empty()) report_.notes.push_back(std::move(note));
  if (options.release) release_packed_weights(options.release);
}

std::shared_ptr<CompiledGraph> OpenvinoExecutable::compiled_for(Form form, std::string* note) const {
  Slot& slot = slots_[2 * static_cast<std::size_t>(form.layout) + (form.shared ? 1 : 0)];
  const std::lock_guard lock(slot.mutex);
  if (!slot.compiled) slot.compiled = cache_.empty() ? compile(form) : load_or_compile(form, note);
  return slot.compiled;
}

/// What serves a call: a model for just its shape, once that has come often, else the one for all shapes.
std::shared_ptr<CompiledGraph> OpenvinoExecutable::compiled_for(const Call& call, bool shared) const {
  const Form form{.layout = call.layout, .shared = shared};
  if (call.layout == Layout::equal && appended_.empty()) {
    CallShape shape{shared ? 1 : 0};
    for (const auto& [name, size] : call.sizes) shape.push_back(size);
    for (const ValueId value : sequences_) shape.push_back(call.whole_numbers(value)[1]);
    if (auto compiled = static_shapes_.find(shape, [&] { return compile(form, &call); })) return compiled;
  }
  return compiled_for(form);
}

std::unique_ptr<CompiledGraph> OpenvinoExecutable::compile(Form form, const Call* only) const {
  return translating_errors("compiling", [&] {
    Translation translation(report_.graph, host_, {.layout = form.layout, .threads = threads_.get(), .only = only});
    translation.run();
    ov::CompiledModel model =
        core().compile_model(translation.finish(), device_, properties_for(precision_, device_, threads_->threads(), form.shared));
    return std::make_unique<CompiledGraph>(std::vector<Feed>(translation.feeds().begin(), translation.feeds().end()), std::move(model),
                                           nullptr);
  });
}

std::unique_ptr<CompiledGraph> OpenvinoExecutable::load_or_compile(Form form, std::string* note) const {
  std::unique_ptr<CompiledGraph> compiled;
  const BlobCache::Steps steps{
      .use =
          [&](Blob blob) {
            const ov::Tensor bytes(ov::element::u8, {blob.bytes.size()}, const_cast<std::byte*>(blob.bytes.data()));
            ov::CompiledModel model =
                core().import_model(bytes, device_, properties_for(precision_, device_, threads_->threads(), form.shared));
            compiled = std::make_unique<CompiledGraph>(std::move(blob.feeds), std::move(model), std::move(blob.file));
          },
      .compile = [&] { compiled = compile(form); },
      .export_bytes =
          [&](std::vector<Feed>& feeds) {
            feeds = compiled->feeds();
            std::ostringstream bytes;
            compiled->model().export_model(bytes);
            return std::move(bytes).str();
          }};
  const std::string key = key_of({.graph = report_.graph, .settings = settings_for(form)}, *threads_);
  const std::string obstacle = BlobCache(cache_ / "openvino", *threads_).use_or_compile(key, steps);
  if (note != nullptr) *note = obstacle;
  return compiled;
}

std::string OpenvinoExecutable::settings_for(Form form) const {
  static const std::string module = digest_of_module(*threads_);
  std::string capabilities;
  for (const std::string& each : core().get_property(device_, ov::device::capabilities)) capabilities += " " + each;
  return fmt::format("{} | {} | {} {}{} | {} | {} threads | layout {} shared {}", ov::get_openvino_version().buildNumber, module, device_,
                     core().get_property(device_, ov::device::full_name), capabilities, name_of(precision_), threads_->threads(),
                     static_cast<int>(form.layout), form.shared);
}

void OpenvinoExecutable::count_runtime_ops(CompiledGraph& compiled) {
  std::map<std::string, int> counts;
  for (const auto& node : compiled.model().get_runtime_model()->get_ops()) {
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
      if (node.inputs[i] != no_value)
        (node.op == Op::linear && i == 1 ? is_packed : is_read)[static_cast<std::size_t>(node.inputs[i])] = true;
  for (const Node& node : graph.nodes()) {
    const auto value = static_cast<std::size_t>(node.outputs.front());
    if (node.op == Op::constant && is_packed[value] && !is_read[value]) release(node.as<ConstantOptions>().tensor);
  }
}

OpenvinoExecutable::Prepared OpenvinoExecutable::prepare(const TensorMap& inputs) const {
  const Graph& graph = report_.graph;
  Prepared prepared{.call = {.graph = graph, .sizes = bind_inputs(graph, inputs), .values = {}}, .computed = {}};
  Call& call = prepared.call;
  bind_context(graph, inputs, call.sizes);
  call.values = host_.run(inputs, call.sizes);
  check_call(call);
  call.layout = layout_of(call, sequences_);
  for (const NamedValue& output : graph.outputs()) {
    if (host_.knows(output.value)) continue;
    const ValueType& type = graph.type(output.value);
    prepared.computed.push_back(Tensor::zeros(type.dtype, evaluate(type.shape, call.sizes)));
    prepared.is_empty = prepared.is_empty && prepared.computed.back().size() == 0;
  }
  return prepared;
}

TensorMap OpenvinoExecutable::outputs_of(const Prepared& prepared) const {
  TensorMap outputs;
  std::size_t next = 0;
  for (const NamedValue& output : report_.graph.outputs())
    outputs.emplace(output.name, host_.knows(output.value) ? prepared.call.value(output.value) : prepared.computed[next++]);
  return outputs;
}

TensorMap OpenvinoExecutable::run(const TensorMap& inputs) const {
  if (!appended_.empty()) throw Error(ErrorKind::invalid_argument, "[append] the graph runs with a state, which was not given");
  Prepared prepared = prepare(inputs);
  if (prepared.is_empty) return outputs_of(prepared);
  const Call& call = prepared.call;
  if (const auto begins = inputs.find("sequences"); is_separable_ && begins != inputs.end()) {
    const auto shares = shares_of(begins->second.values<std::int64_t>(), call.sizes.at("tokens"), threads_->threads());
    if (!shares.empty()) return run_shares(inputs, call.sizes, shares);
  }
  translating_errors("running", [&] { CompiledGraph::Run(compiled_for(call, false), call, prepared.computed).run(); });
  return outputs_of(prepared);
}

std::unique_ptr<State> OpenvinoExecutable::make_state(const StateOptions& options) const {
  return std::make_unique<OpenvinoState>(report_.graph, threads_, options);
}

TensorMap OpenvinoExecutable::run(const TensorMap& inputs, const StateCall& state_call) const {
  auto* const state = dynamic_cast<OpenvinoState*>(&state_call.state);
  if (state == nullptr) throw Error(ErrorKind::internal, "backend openvino: the state is another backend's");
  const TensorMap complete = with_context(report_.graph, inputs, state_call);
  Prepared prepared = prepare(complete);
  Call& call = prepared.call;
  call.state = state;
  call.remembered = state_call.sequences;
  std::vector<const Node*> appends;
  std::vector<Tensor> results = prepared.computed;
  for (const Node& node : report_.graph.nodes()) {
    if (node.op != Op::append) continue;
    appends.push_back(&node);
    results.push_back(Tensor::zeros(DType::float32, evaluate(report_.graph.type(node.inputs.front()).shape, call.sizes)));
  }
  const std::vector<PagedState::Growth> growths = growths_of(report_.graph, appended_, complete, state_call);
  state->reserve(growths);
  translating_errors("running", [&] { CompiledGraph::Run(compiled_for(call, false), call, results).run(); });
  for (std::size_t i = 0; i < appends.size(); ++i)
    state->store(*appends[i], call.remembered, call.whole_numbers(appends[i]->inputs[1]), results[prepared.computed.size() + i]);
  state->commit(growths);
  return outputs_of(prepared);
}

TensorMap OpenvinoExecutable::run_shares(const TensorMap& inputs, const SizeMap& sizes, std::span<const Piece> shares) const {
  const Graph& graph = report_.graph;
  TensorMap outputs = empty_outputs(graph, sizes);
  std::vector<Prepared> parts;
  for (const Piece& share : shares) parts.push_back(prepare(inputs_of(share, graph, inputs)));
  translating_errors("running", [&] {
    std::vector<std::unique_ptr<CompiledGraph::Run>> runs;
    for (Prepared& part : parts)
      runs.push_back(std::make_unique<CompiledGraph::Run>(compiled_for(part.call, true), part.call, part.computed));
    for (const auto& run : runs) run->start();
    for (const auto& run : runs) run->wait();
  });
  for (std::size_t i = 0; i < parts.size(); ++i) put_outputs(shares[i], graph, outputs_of(parts[i]), outputs);
  return outputs;
}

}  // namespace accelerate::openvino

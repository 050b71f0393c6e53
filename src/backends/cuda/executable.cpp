#include "backends/cuda/executable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "backends/cuda/errors.h"
#include "backends/reference/evaluate.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

constexpr std::size_t most_layouts = 64;

/// While one call computes another one's copies run.
constexpr std::size_t most_contexts = 2;

/// Outputs of more bytes stay in the memory that they arrive in; smaller ones are copied, so that whoever keeps them keeps
/// no more than they need.
constexpr std::size_t large_output = std::size_t{1} << 20;

bool is_source(const Node& node) { return node.op == Op::input || node.op == Op::constant; }

Encoding encoding_of(Element element) {
  switch (element) {
    case Element::float32:
      return Encoding::float32;
    case Element::float16:
      return Encoding::float16;
    case Element::bfloat16:
      return Encoding::bfloat16;
    case Element::int64:
      return Encoding::int64;
    case Element::boolean:
      return Encoding::boolean;
  }
  throw Error(ErrorKind::internal, "an element has no encoding");
}

}  // namespace

CudaExecutable::CudaExecutable(std::shared_ptr<OpenDevice> device, CompileReport report, const CompileOptions& options)
    : device_(std::move(device)),
      report_(std::move(report)),
      precision_(options.precision),
      appended_(appended_sizes(report_.graph)),
      values_(plan_values(report_.graph, options.precision)),
      checks_(report_.graph),
      layouts_(most_layouts),
      host_blocks_(std::make_shared<HostBlocks>()),
      contexts_(device_, most_contexts) {
  const ThreadPool::Place place(*options.threads);
  const DeviceUse use(*device_);
  make_steps(*options.threads);
  upload_constants(*options.threads);
  if (options.release) release_constants(options.release);
}

void CudaExecutable::make_steps(ThreadPool& threads) {
  const Graph& graph = report_.graph;
  StepContext context{.graph = graph, .values = values_, .device = device_, .threads = threads};
  for (const Node& node : graph.nodes()) {
    const ValueId output = node.outputs.front();
    const bool is_view = values_[static_cast<std::size_t>(output)].root != output;
    if (is_source(node) || is_view || is_stacked_weight(graph, output)) continue;
    steps_.push_back(make_step(context, node));
  }
  faulting_ = std::move(context.faulting);
}

void CudaExecutable::upload_constants(ThreadPool& threads) {
  const Graph& graph = report_.graph;
  constants_.resize(values_.size());
  constant_outputs_.resize(values_.size());
  for (const auto& step : steps_) {
    for (ValueId value : step->reads) {
      const ConstantOptions* constant = graph.constant_of(value);
      if (constant == nullptr) continue;
      const std::array parts{&constant->tensor};
      const auto index = static_cast<std::size_t>(value);
      constants_[index] = device_->weights().get(device_, parts, encoding_of(values_[index].element), threads);
    }
  }
  for (const NamedValue& output : graph.outputs()) {
    const ValueId root = values_[static_cast<std::size_t>(output.value)].root;
    if (graph.constant_of(root) != nullptr)
      constant_outputs_[static_cast<std::size_t>(root)] = evaluate_node(graph, graph.producer(root), {}, {}).front();
  }
}

void CudaExecutable::release_constants(const std::function<void(const Tensor&)>& release) const {
  for (const Node& node : report_.graph.nodes()) {
    const bool is_output = constant_outputs_[static_cast<std::size_t>(node.outputs.front())].size() > 0;
    if (node.op == Op::constant && !is_output) release(node.as<ConstantOptions>().tensor);
  }
}

TensorMap CudaExecutable::run(const TensorMap& inputs) const {
  if (!appended_.empty()) throw Error(ErrorKind::invalid_argument, "[append] the graph runs with a state, which was not given");
  const CallShape shape{.sizes = bind_inputs(report_.graph, inputs)};
  checks_.check(inputs, shape.sizes);
  return run_shape(inputs, shape, nullptr);
}

std::unique_ptr<State> CudaExecutable::make_state(const StateOptions& options) const {
  if (options.precision != Precision::fp32 && options.precision != Precision::bf16)
    throw Error(ErrorKind::unsupported, fmt::format("backend cuda keeps rows in fp32 or bf16, not {}", name_of(options.precision)));
  // What fp16 attention multiplies is kept as it multiplies it.
  const Element half = precision_ == Precision::fp16 ? Element::float16 : Element::bfloat16;
  const DeviceUse use(*device_);
  return std::make_unique<CudaState>(report_.graph, device_, options.precision == Precision::fp32 ? Element::float32 : half,
                                     options.most_bytes);
}

TensorMap CudaExecutable::run(const TensorMap& inputs, const StateCall& call) const {
  auto* const state = dynamic_cast<CudaState*>(&call.state);
  if (state == nullptr) throw Error(ErrorKind::internal, "backend cuda: the state is another backend's");
  const TensorMap complete = with_context(report_.graph, inputs, call);
  CallShape shape{.sizes = bind_inputs(report_.graph, complete)};
  bind_context(report_.graph, complete, shape.sizes);
  checks_.check(complete, shape.sizes);
  for (const AppendedSize& size : appended_) shape.sizes.erase(size.name);
  const std::vector<PagedState::Growth> growths = growths_of(report_.graph, appended_, complete, call);
  {
    const DeviceUse use(*device_);
    state->reserve(growths);
  }
  shape.table_words = state->table_words(call.sequences);
  shape.element = state->element();
  const Before before{.state = *state, .sequences = call.sequences};
  TensorMap outputs = run_shape(complete, shape, &before);
  state->commit(growths);
  return outputs;
}

TensorMap CudaExecutable::run_shape(const TensorMap& inputs, const CallShape& shape, const Before* before) const {
  const std::shared_ptr<const Layout> layout = layout_for(shape);
  const ContextPool::Lease context(contexts_);
  const DeviceUse use(*device_);
  try {
    reserve(*context, layout->bytes);
    copy_in(inputs, *context, *layout, before);
    run_steps(*context, shape, call_in(*context, *layout, shape, before));
    return copy_out(inputs, *context, *layout, shape.sizes);
  } catch (...) {
    // What was put on the stream still uses the context's memory, which the next call takes.
    wait_for(*context);
    throw;
  }
}

std::shared_ptr<const Layout> CudaExecutable::layout_for(const CallShape& shape) const {
  const std::lock_guard lock(layouts_mutex_);
  if (const auto* known = layouts_.find(shape)) return *known;
  return layouts_.insert(shape, std::make_shared<const Layout>(lay_out(report_.graph, values_, steps_, shape)));
}

void CudaExecutable::reserve(ExecutionContext& context, std::size_t bytes) const {
  try {
    context.reserve(bytes);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::out_of_memory) throw;
    contexts_.shrink_idle();
    context.reserve(bytes);
  }
}

Call CudaExecutable::call_in(const ExecutionContext& context, const Layout& layout, const CallShape& shape, const Before* before) const {
  std::byte* const block = context.block().data();
  Call call{.graph = report_.graph,
            .values = values_,
            .sizes = shape.sizes,
            .device = *device_,
            .stream = context.stream().get(),
            .memory = std::vector<std::byte*>(values_.size(), nullptr),
            .quantised = std::vector<QuantisedRows>(values_.size()),
            .fault = reinterpret_cast<Fault*>(block + layout.fault),
            .scratch = block + layout.scratch,
            .workspace = context.workspace().data(),
            .workspace_bytes = context.workspace().size()};
  if (before != nullptr)
    call.remembered.emplace(Remembered{.state = before->state, .tables = block + layout.tables, .sequences = before->sequences.size()});
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const Place& place = layout.places[i];
    if (place.bytes > 0) call.memory[i] = block + place.offset;
    if (place.int8.bytes > 0) call.quantised[i] = place.int8.at(block + place.int8_offset);
    if (constants_[i] != nullptr) call.memory[i] = constants_[i]->memory.data();
  }
  return call;
}

void CudaExecutable::copy_in(const TensorMap& inputs, ExecutionContext& context, const Layout& layout, const Before* before) const {
  std::byte* const staging = context.staging(std::max(layout.bytes_in(), std::min(layout.bytes_out(), large_output)));
  for (const NamedValue& input : report_.graph.inputs()) {
    const Tensor& tensor = inputs.find(input.name)->second;
    if (tensor.byte_size() > 0)
      std::memcpy(staging + layout.places[static_cast<std::size_t>(input.value)].offset, tensor.bytes().data(), tensor.byte_size());
  }
  if (before != nullptr) before->state.write_tables(before->sequences, reinterpret_cast<std::int64_t*>(staging + layout.tables));
  const Fault none;
  std::memcpy(staging + layout.fault, &none, sizeof(Fault));
  device_->check(device_->api().copy_to_device(context.block().data(), staging, layout.bytes_in(), context.stream().get()),
                 "copying inputs");
}

// A shape runs step by step the first time, which also loads its kernels and finds the library's algorithms; none of that
// may happen while recording. The second time it is recorded.
void CudaExecutable::run_steps(ExecutionContext& context, const CallShape& shape, const Call& call) const {
  Recording* recording = context.recordings().find(shape);
  if (recording != nullptr && recording->graph == nullptr && !recording->refused) recording->graph = record(call, recording->refused);
  if (recording != nullptr && recording->graph != nullptr) {
    device_->check(device_->api().launch(recording->graph->get(), call.stream), "launching a recording");
    return;
  }
  enqueue_steps(call);
  if (recording == nullptr) context.recordings().insert(shape, {});
}

void CudaExecutable::enqueue_steps(const Call& call) const {
  for (const auto& step : steps_) step->enqueue(call);
}

std::unique_ptr<CapturedGraph> CudaExecutable::record(const Call& call, bool& refused) const {
  refused = true;  // until it has worked
  DeviceApi& api = device_->api();
  if (const cudaError_t begun = api.begin_capture(call.stream); begun != cudaSuccess) {
    if (kind_of(begun) == ErrorKind::device_lost) device_->check(begun, "beginning to record");
    api.forget_last_error();
    return nullptr;
  }
  cudaGraphExec_t graph = nullptr;
  try {
    enqueue_steps(call);
  } catch (...) {
    if (api.end_capture(call.stream, &graph) != cudaSuccess) api.forget_last_error();
    if (graph != nullptr && api.destroy_graph(graph) != cudaSuccess) api.forget_last_error();
    if (device_->lost()) throw;
    return nullptr;
  }
  const cudaError_t status = api.end_capture(call.stream, &graph);
  if (status != cudaSuccess && kind_of(status) == ErrorKind::device_lost) device_->check(status, "recording");
  if (status != cudaSuccess) {
    api.forget_last_error();
    return nullptr;
  }
  refused = false;
  return std::make_unique<CapturedGraph>(device_, graph);
}

TensorMap CudaExecutable::copy_out(const TensorMap& inputs, ExecutionContext& context, const Layout& layout, const SizeMap& sizes) const {
  const bool large = layout.bytes_out() > large_output;
  const std::shared_ptr<std::byte> block = large ? host_blocks_->take(device_, layout.bytes_out()) : nullptr;
  std::byte* const arrived = large ? block.get() : context.staging(layout.bytes_out());
  const cudaStream_t stream = context.stream().get();
  device_->check(device_->api().copy_to_host(arrived, context.block().data() + layout.fault, layout.bytes_out(), stream),
                 "copying outputs");
  device_->check(device_->api().synchronize(stream), "running");
  Fault fault;
  std::memcpy(&fault, arrived, sizeof(Fault));
  expect_no_fault(fault);

  const Graph& graph = report_.graph;
  TensorMap outputs;
  for (const NamedValue& output : graph.outputs()) {
    const ValueType& type = graph.type(output.value);
    const ValueId root = values_[static_cast<std::size_t>(output.value)].root;
    const Node& maker = graph.producer(root);
    std::vector<std::int64_t> shape = evaluate(type.shape, sizes);
    if (maker.op == Op::input) {
      outputs.emplace(output.name, inputs.find(maker.as<InputOptions>().name)->second.reshaped(std::move(shape)));
      continue;
    }
    if (maker.op == Op::constant) {
      outputs.emplace(output.name, constant_outputs_[static_cast<std::size_t>(root)].reshaped(std::move(shape)));
      continue;
    }
    std::byte* const source = arrived + (layout.places[static_cast<std::size_t>(root)].offset - layout.fault);
    if (large) {
      outputs.emplace(output.name, Tensor::view(type.dtype, std::move(shape), {block, source}));
      continue;
    }
    Tensor tensor = Tensor::zeros(type.dtype, std::move(shape));
    if (tensor.byte_size() > 0) std::memcpy(tensor.mutable_bytes().data(), source, tensor.byte_size());
    outputs.emplace(output.name, std::move(tensor));
  }
  return outputs;
}

void CudaExecutable::expect_no_fault(const Fault& fault) const {
  if (fault.kind == FaultKind::none) return;
  throw Error(ErrorKind::invalid_argument, faulting_.at(static_cast<std::size_t>(fault.node))->message(fault));
}

void CudaExecutable::wait_for(const ExecutionContext& context) const noexcept {
  if (device_->lost()) return;
  if (device_->api().synchronize(context.stream().get()) != cudaSuccess) device_->api().forget_last_error();
}

}  // namespace accelerate::cuda

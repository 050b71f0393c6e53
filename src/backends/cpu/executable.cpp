#include "backends/cpu/executable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "backends/cpu/constants.h"
#include "base/arithmetic.h"
#include "graph/stored.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cpu {
namespace {

std::size_t bytes_of(const ValueType& type, const SizeMap& sizes) {
  return static_cast<std::size_t>(element_count(type.shape).evaluate(sizes)) * size_of(type.dtype);
}

bool is_source(const Node& node) { return node.op == Op::input || node.op == Op::constant; }

/// For each value, which step makes it and which reads it last; graph outputs are read after the last step.
std::vector<Lifetime> lifetimes_of(const std::vector<std::unique_ptr<Step>>& steps, const Graph& graph, const Placements& placements,
                                   const SizeMap& sizes) {
  std::vector<Lifetime> lifetimes(static_cast<std::size_t>(graph.value_count()), Lifetime{.bytes = 0, .first = -1, .last = -1});
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto now = static_cast<std::int64_t>(i);
    for (ValueId value : steps[i]->reads) lifetimes[static_cast<std::size_t>(value)].last = now;
    for (ValueId value : steps[i]->writes)
      lifetimes[static_cast<std::size_t>(value)] = {.bytes = bytes_of(graph.type(value), sizes), .first = now, .last = now};
  }
  for (const NamedValue& output : graph.outputs())
    lifetimes[static_cast<std::size_t>(placements[output.value].root)].last = static_cast<std::int64_t>(steps.size());
  return lifetimes;
}

/// A copy of the value's elements.
Tensor tensor_of(const Call& call, ValueId value) {
  const ValueType& type = call.graph.type(value);
  const Placement& placement = call.placements[value];
  Tensor tensor = Tensor::zeros(type.dtype, evaluate(type.shape, call.sizes));
  if (tensor.size() == 0) return tensor;
  const std::size_t element = size_of(type.dtype);
  const std::byte* source = call.memory[static_cast<std::size_t>(placement.root)] + static_cast<std::size_t>(placement.offset) * element;
  if (placement.dense()) {
    std::memcpy(tensor.mutable_bytes().data(), source, tensor.byte_size());
    return tensor;
  }
  const std::size_t row = static_cast<std::size_t>(placement.columns) * element;
  const std::size_t stride = static_cast<std::size_t>(placement.row_stride) * element;
  for (std::size_t i = 0; i * row < tensor.byte_size(); ++i) std::memcpy(tensor.mutable_bytes().data() + i * row, source + i * stride, row);
  return tensor;
}

/// By value: for constants that row kernels alone read, which keep no more of them than they pack, the last group of nodes that
/// has such a kernel; as many as there are groups for all else.
std::vector<std::size_t> last_readers_of(const Graph& graph, const std::vector<std::vector<const Node*>>& groups) {
  constexpr std::size_t not_read = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> last(static_cast<std::size_t>(graph.value_count()), not_read);
  const auto mark = [&](const auto& self, ValueId value, std::size_t reader) -> void {
    if (value == no_value) return;
    if (std::size_t& known = last[static_cast<std::size_t>(value)]; known == not_read || known < reader) known = reader;
    if (is_stored(graph, value))
      for (const ValueId input : graph.producer(value).inputs) self(self, input, reader);
  };
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const Node* node : groups[g])
      for (const ValueId input : node->inputs)
        mark(mark, input, is_row_local(graph, *node) && node->op != Op::embedding_norm ? g : groups.size());
  for (const NamedValue& output : graph.outputs()) mark(mark, output.value, groups.size());
  for (std::size_t value = 0; value < last.size(); ++value)
    if (graph.constant_of(static_cast<ValueId>(value)) == nullptr || last[value] == not_read) last[value] = groups.size();
  return last;
}

/// What `call` gives; memory that the process lacks is an error that tells the call's sizes.
template <typename Function>
TensorMap with_memory_errors(const SizeMap& sizes, const Function& call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    std::string text;
    for (const auto& [name, size] : sizes) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", size, name);
    throw Error(ErrorKind::out_of_memory, fmt::format("backend cpu: no memory left for a run of {}", text));
  }
}

}  // namespace

CpuExecutable::CpuExecutable(CompileReport report, const CompileOptions& options) : report_(std::move(report)), threads_(options.threads) {
  const ThreadPool::Place place(*threads_);
  report_.graph = decode_constants(report_.graph);
  placements_ = place_values(report_.graph);
  separable_ = is_separable(report_.graph);
  appended_ = appended_sizes(report_.graph);
  make_steps(options.release);
  hold_constants();
}

void CpuExecutable::make_steps(const std::function<void(const Tensor&)>& release) {
  const Graph& graph = report_.graph;
  SharedWeights weights;
  const RowKernelContext context{.graph = graph, .placements = placements_, .kernels = kernels(), .threads = *threads_, .weights = weights};

  // Consecutive row-local nodes over the same rows form one region; views and constants in between do no work.
  const std::vector<bool> arranged = arranged_weights(graph);
  std::vector<std::vector<const Node*>> groups;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    if (is_source(node) || placements_.is_view[i] || arranged[static_cast<std::size_t>(node.outputs.front())]) continue;
    const auto rows = [&](const Node& other) { return rows_of(graph.type(other.outputs.front())); };
    const bool joins = !groups.empty() && is_row_local(graph, node) && is_row_local(graph, *groups.back().front()) &&
                       rows(node) == rows(*groups.back().front());
    if (joins)
      groups.back().push_back(&node);
    else
      groups.push_back({&node});
  }

  // A value is exported when something outside its group reads it, or a view of it.
  std::vector<std::size_t> group_of(placements_.of_value.size(), groups.size());
  std::vector<bool> exported(placements_.of_value.size(), false);
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const Node* node : groups[g])
      for (ValueId output : node->outputs) group_of[static_cast<std::size_t>(output)] = g;
  const auto mark_read = [&](ValueId value, std::size_t reader) {
    if (value == no_value) return;
    const auto root = static_cast<std::size_t>(placements_[value].root);
    exported[root] = exported[root] || group_of[root] != reader;
  };
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const Node* node : groups[g])
      for (ValueId input : node->inputs) mark_read(input, g);
  for (const NamedValue& output : graph.outputs()) mark_read(output.value, groups.size() + 1);

  // One group's weights after another: what is packed need not stay beside what is stored.
  const std::vector<std::size_t> last_readers = release ? last_readers_of(graph, groups) : std::vector<std::size_t>{};
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::vector<const Node*>& group = groups[g];
    const Node& first = *group.front();
    if (is_row_local(graph, first))
      steps_.push_back(make_region(context, group, exported));
    else if (is_remembered(graph, first)) {
      steps_.push_back(make_remembered_attention(context, first, remembered_.size()));
      remembered_.push_back(remembered_attention(graph, first));
    } else if (first.op == Op::attention)
      steps_.push_back(make_attention(context, first));
    else if (is_coded_gather(graph, first))
      steps_.push_back(make_coded_gather(context, first));
    else
      steps_.push_back(make_general(context, first));
    for (std::size_t value = 0; value < last_readers.size(); ++value)
      if (last_readers[value] == g) release(graph.constant_of(static_cast<ValueId>(value))->tensor);
  }
  report_.weight_bytes = static_cast<std::int64_t>(weights.bytes_read());
}

void CpuExecutable::hold_constants() {
  const Graph& graph = report_.graph;
  std::vector<bool> wanted(placements_.of_value.size(), false);
  for (const auto& step : steps_)
    for (ValueId value : step->reads) wanted[static_cast<std::size_t>(value)] = true;
  for (const NamedValue& output : graph.outputs()) wanted[static_cast<std::size_t>(placements_[output.value].root)] = true;
  for (const Node& node : graph.nodes()) {
    if (node.op != Op::constant || !wanted[static_cast<std::size_t>(node.outputs.front())]) continue;
    constants_.emplace_back(node.outputs.front(), node.as<ConstantOptions>().tensor);
  }
}

TensorMap CpuExecutable::run(const TensorMap& inputs) const {
  if (!remembered_.empty()) throw Error(ErrorKind::invalid_argument, "[append] the graph runs with a state, which was not given");
  const SizeMap sizes = bind_inputs(report_.graph, inputs);
  return with_memory_errors(sizes, [&] { return run_bound(inputs, sizes); });
}

std::unique_ptr<State> CpuExecutable::make_state(const StateOptions& options) const {
  return std::make_unique<CpuState>(kernels(), remembered_, options);
}

TensorMap CpuExecutable::run(const TensorMap& inputs, const StateCall& call) const {
  auto* const state = dynamic_cast<CpuState*>(&call.state);
  if (state == nullptr) throw Error(ErrorKind::internal, "backend cpu: the state is another backend's");
  const TensorMap complete = with_context(report_.graph, inputs, call);
  return with_memory_errors(bind_inputs(report_.graph, complete), [&] {
    const ThreadPool::Place place(*threads_);
    const std::vector<PagedState::Growth> growths = growths_of(report_.graph, appended_, complete, call);
    state->reserve(growths);
    TensorMap outputs = run_whole(complete, *threads_, &call);
    state->commit(growths);
    return outputs;
  });
}

TensorMap CpuExecutable::run_bound(const TensorMap& inputs, const SizeMap& sizes) const {
  const ThreadPool::Place place(*threads_);
  if (const auto begins = inputs.find("sequences"); separable_ && begins != inputs.end() && sizes.contains("tokens")) {
    const std::vector<Piece> pieces = cut_batch(begins->second.values<std::int64_t>(), sizes.at("tokens"), threads_->threads());
    if (pieces.size() > 1) return run_pieces(inputs, sizes, pieces);
  }
  return run_whole(inputs, *threads_);
}

TensorMap CpuExecutable::run_pieces(const TensorMap& inputs, const SizeMap& sizes, std::span<const Piece> pieces) const {
  const Graph& graph = report_.graph;
  TensorMap outputs = empty_outputs(graph, sizes);
  threads_->parallel_for(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t index, int) {
    const Piece& piece = pieces[static_cast<std::size_t>(index)];
    ThreadPool alone(1);
    const ThreadPool::Place place(alone);
    put_outputs(piece, graph, run_whole(inputs_of(piece, graph, inputs), alone), outputs);
  });
  return outputs;
}

TensorMap CpuExecutable::run_whole(const TensorMap& inputs, ThreadPool& threads, const StateCall* state) const {
  const Graph& graph = report_.graph;
  SizeMap sizes = bind_inputs(graph, inputs);
  bind_context(graph, inputs, sizes);
  Call call{.sizes = sizes,
            .graph = graph,
            .placements = placements_,
            .memory = std::vector<std::byte*>(placements_.of_value.size(), nullptr),
            .threads = threads,
            .state = state};
  // Steps read inputs and constants and never write them; one pointer type serves both.
  for (const NamedValue& input : graph.inputs())
    call.memory[static_cast<std::size_t>(input.value)] = const_cast<std::byte*>(inputs.find(input.name)->second.bytes().data());
  for (const auto& [value, tensor] : constants_)
    call.memory[static_cast<std::size_t>(value)] = const_cast<std::byte*>(tensor.bytes().data());

  for (const auto& step : steps_) call.scratch_bytes = std::max(call.scratch_bytes, step->scratch_bytes(call));
  call.scratch_bytes = (call.scratch_bytes + 63) / 64 * 64;
  const MemoryPlan plan = plan_memory(lifetimes_of(steps_, graph, placements_, sizes));
  const std::size_t scratch_total = call.scratch_bytes * static_cast<std::size_t>(threads.threads());
  Buffer arena = take_arena(plan.bytes + scratch_total);
  for (const auto& step : steps_)
    for (ValueId value : step->writes)
      call.memory[static_cast<std::size_t>(value)] = arena.data() + plan.offsets[static_cast<std::size_t>(value)];
  call.scratch = arena.data() + plan.bytes;

  for (const auto& step : steps_) step->run(call);

  TensorMap outputs;
  for (const NamedValue& output : graph.outputs()) outputs.emplace(output.name, tensor_of(call, output.value));
  give_arena(std::move(arena));
  return outputs;
}

Buffer CpuExecutable::take_arena(std::size_t bytes) const {
  const std::lock_guard lock(arenas_mutex_);
  const auto fitting = std::ranges::find_if(arenas_, [&](const Buffer& arena) { return arena.size() >= bytes; });
  if (fitting != arenas_.end()) {
    Buffer arena = std::move(*fitting);
    arenas_.erase(fitting);
    return arena;
  }
  if (!arenas_.empty()) arenas_.pop_back();  // makes room for one that fits
  const std::size_t wanted = std::max({largest_arena_, bytes, std::size_t{64}});
  try {
    Buffer arena(wanted);
    largest_arena_ = wanted;
    return arena;
  } catch (const Error&) {
    // What soon fits every call may be more than there is for this one.
    arenas_.clear();
    return Buffer(std::max(bytes, std::size_t{64}));
  }
}

void CpuExecutable::give_arena(Buffer arena) const {
  const std::lock_guard lock(arenas_mutex_);
  if (arenas_.size() < static_cast<std::size_t>(threads_->threads())) arenas_.push_back(std::move(arena));
}

}  // namespace accelerate::cpu

#include "backends/cuda/state.h"

#include <algorithm>
#include <bit>

namespace accelerate::cuda {
namespace {

/// Tables have room for a power of two of pages, and at least for so many.
constexpr std::uint64_t least_pages = 64;

/// Where the rows of the next node may begin: attention reads sixteen bytes at a time.
constexpr std::int64_t alignment = 256;

}  // namespace

const Node* attention_of(const Graph& graph, const Node& append) {
  const ValueId rows = append.outputs.front();
  const Node* attention = nullptr;
  for (const Node& node : graph.nodes()) {
    const auto reads = std::ranges::count(node.inputs, rows);
    if (reads == 0) continue;
    const bool is_operand = node.op == Op::attention && reads == std::count(node.inputs.begin() + 1, node.inputs.begin() + 3, rows);
    if (!is_operand || attention != nullptr) return nullptr;
    attention = &node;
  }
  const bool is_output = std::ranges::count(graph.outputs(), rows, &NamedValue::value) > 0;
  return is_output ? nullptr : attention;
}

CudaState::Plan CudaState::plan_of(const Graph& graph, Element element) {
  Plan plan;
  for (const Node& node : graph.nodes()) {
    if (node.op != Op::append) continue;
    const std::string size = node.as<AppendOptions>().rows.as_named()->name;
    const std::int64_t window = attention_of(graph, node)->as<AttentionOptions>().window_left;
    auto group = std::ranges::find_if(plan.groups, [&](const Group& other) { return other.size == size && other.window == window; });
    if (group == plan.groups.end()) group = plan.groups.insert(group, {.size = size, .page_bytes = 0, .window = window});
    plan.places[node.outputs.front()] = {.group = static_cast<std::size_t>(group - plan.groups.begin()), .offset = group->page_bytes};
    const Shape& shape = graph.type(node.outputs.front()).shape;
    const std::int64_t bytes = cuda::page_rows * shape[1].value() * shape[2].value() * static_cast<std::int64_t>(size_of(element));
    group->page_bytes += (bytes + alignment - 1) / alignment * alignment;
  }
  return plan;
}

CudaState::CudaState(const Graph& graph, std::shared_ptr<OpenDevice> device, Element element, std::int64_t most_bytes)
    : CudaState(plan_of(graph, element), std::move(device), element, most_bytes) {}

CudaState::CudaState(Plan plan, std::shared_ptr<OpenDevice> device, Element element, std::int64_t most_bytes)
    : PagedState(plan.groups, cuda::page_rows, most_bytes),
      device_(std::move(device)),
      copies_(device_),
      element_(element),
      places_(std::move(plan.places)) {
  for (const Group& group : plan.groups) page_bytes_.push_back(group.page_bytes);
  memory_.resize(page_bytes_.size());
}

std::int64_t CudaState::table_words(std::span<const SequenceId> sequences) const {
  std::uint64_t pages_of_all = 0;
  for (std::size_t group = 0; group < groups(); ++group)
    for (SequenceId sequence : sequences) pages_of_all += pages(sequence, group).size();
  return static_cast<std::int64_t>(groups() * sequences.size() + std::bit_ceil(std::max(pages_of_all, least_pages)));
}

void CudaState::write_tables(std::span<const SequenceId> sequences, std::int64_t* words) const {
  std::int64_t* const addresses = words + groups() * sequences.size();
  std::int64_t next = 0;
  for (std::size_t group = 0; group < groups(); ++group)
    for (SequenceId sequence : sequences) {
      *words++ = next;
      for (std::int64_t page : pages(sequence, group)) {
        std::byte* const memory = page == no_page ? nullptr : memory_[group][static_cast<std::size_t>(page)].data();
        addresses[next++] = std::bit_cast<std::int64_t>(memory);
      }
    }
}

PageTable CudaState::table_at(const std::byte* words, std::size_t groups, std::size_t sequences, std::size_t group) {
  const auto* const begins = reinterpret_cast<const std::int64_t*>(words);
  return {.begins = begins + group * sequences, .pages = reinterpret_cast<std::byte* const*>(begins + groups * sequences)};
}

void CudaState::make_page(std::size_t group, std::int64_t page) {
  std::vector<DeviceBuffer>& pages = memory_[group];
  if (static_cast<std::size_t>(page) >= pages.size()) pages.resize(static_cast<std::size_t>(page) + 1);
  pages[static_cast<std::size_t>(page)] = DeviceBuffer(device_, static_cast<std::size_t>(page_bytes_[group]));
}

// Calls that wrote to the page have ended, and the next one may begin on another stream.
void CudaState::copy_page(std::size_t group, std::int64_t from, std::int64_t to) {
  const auto memory = [&](std::int64_t page) { return memory_[group][static_cast<std::size_t>(page)].data(); };
  const Status status = copy({.source = memory(from),
                              .target = memory(to),
                              .element = Element::boolean,
                              .extents = {1, {page_bytes_[group]}},
                              .source_strides = {1},
                              .target_strides = {1},
                              .stream = copies_.get()});
  device_->check(static_cast<cudaError_t>(status), "copying remembered rows");
  device_->check(device_->api().synchronize(copies_.get()), "copying remembered rows");
}

void CudaState::drop_page(std::size_t group, std::int64_t page) { memory_[group][static_cast<std::size_t>(page)] = DeviceBuffer(); }

}  // namespace accelerate::cuda

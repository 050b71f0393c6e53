#include "backends/openvino/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "base/half.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::openvino {
namespace {

constexpr std::int64_t rows_in_page = 64;

std::int64_t bytes_of_number(Precision precision) { return precision == Precision::bf16 ? 2 : 4; }

void widen(const std::byte* from, float* to, std::int64_t count, Precision precision) {
  if (precision == Precision::fp32) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  const auto* bits = reinterpret_cast<const std::uint16_t*>(from);
  for (std::int64_t i = 0; i < count; ++i) to[i] = from_bfloat16(bits[i]);
}

void narrow(const float* from, std::byte* to, std::int64_t count, Precision precision) {
  if (precision == Precision::fp32) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  auto* bits = reinterpret_cast<std::uint16_t*>(to);
  for (std::int64_t i = 0; i < count; ++i) bits[i] = to_bfloat16(from[i]);
}

}  // namespace

OpenvinoState::Plan OpenvinoState::plan_of(const Graph& graph, Precision precision) {
  if (precision != Precision::fp32 && precision != Precision::bf16)
    throw Error(ErrorKind::unsupported, fmt::format("backend openvino keeps rows in fp32 or bf16, not {}", name_of(precision)));
  Plan plan;
  for (const Node& node : graph.nodes()) {
    if (node.op != Op::append) continue;
    const auto& options = node.as<AppendOptions>();
    const std::string size = options.rows.as_named()->name;
    auto group = std::ranges::find(plan.groups, size, &Group::size);
    if (group == plan.groups.end()) group = plan.groups.insert(group, {.size = size, .page_bytes = 0});
    const Shape& shape = graph.type(node.outputs.front()).shape;
    const Layout layout{.group = static_cast<std::size_t>(group - plan.groups.begin()),
                        .offset = group->page_bytes,
                        .heads = shape[1].value(),
                        .size = shape[2].value(),
                        .rows_name = size};
    group->page_bytes += layout.heads * rows_in_page * layout.size * bytes_of_number(precision);
    plan.layouts.emplace(options.name, layout);
  }
  return plan;
}

OpenvinoState::OpenvinoState(const Graph& graph, std::shared_ptr<ThreadPool> threads, const StateOptions& options)
    : OpenvinoState(plan_of(graph, options.precision), std::move(threads), options) {}

OpenvinoState::OpenvinoState(Plan plan, std::shared_ptr<ThreadPool> threads, const StateOptions& options)
    : PagedState(plan.groups, rows_in_page, options.most_bytes),
      threads_(std::move(threads)),
      precision_(options.precision),
      layouts_(std::move(plan.layouts)) {
  for (const Group& group : plan.groups) page_bytes_.push_back(group.page_bytes);
  memory_.resize(page_bytes_.size());
}

Tensor OpenvinoState::rectangle(const Node& append, std::span<const SequenceId> sequences, std::int64_t places) const {
  const Layout& layout = layout_of(append);
  const auto count = static_cast<std::int64_t>(sequences.size());
  const std::vector<std::int64_t> shape{count, layout.heads, places, layout.size};
  const std::shared_ptr<float[]> numbers =
      std::make_shared_for_overwrite<float[]>(static_cast<std::size_t>(count * layout.heads * places * layout.size));
  const ThreadPool::Place place(*threads_);
  threads_->parallel_for(count * layout.heads, [&](std::int64_t index, int) {
    const SequenceId sequence = sequences[static_cast<std::size_t>(index / layout.heads)];
    const std::int64_t head = index % layout.heads;
    const std::int64_t remembered = rows(sequence, layout.rows_name);
    float* next = numbers.get() + index * places * layout.size;
    for (std::int64_t row = 0; row < remembered; row += rows_in_page) {
      const std::int64_t page = pages(sequence, layout.group)[static_cast<std::size_t>(row / rows_in_page)];
      const std::int64_t numbers_here = std::min(rows_in_page, remembered - row) * layout.size;
      widen(rows_at(layout, page, head, 0), next, numbers_here, precision_);
      next += numbers_here;
    }
    std::fill_n(next, (places - remembered) * layout.size, 0.0F);
  });
  const auto* bytes = reinterpret_cast<const std::byte*>(numbers.get());
  return Tensor::view(DType::float32, shape, std::shared_ptr<const std::byte>(numbers, bytes));
}

void OpenvinoState::store(const Node& append, std::span<const SequenceId> sequences, std::span<const std::int64_t> begins,
                          const Tensor& rows) {
  const Layout& layout = layout_of(append);
  const std::span<const float> numbers = rows.values<float>();
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const std::int64_t remembered = this->rows(sequences[i], layout.rows_name);
    for (std::int64_t row = begins[i]; row < begins[i + 1]; ++row) {
      const std::int64_t place = remembered + row - begins[i];
      const std::int64_t page = pages(sequences[i], layout.group)[static_cast<std::size_t>(place / rows_in_page)];
      const float* from = numbers.data() + row * layout.heads * layout.size;
      for (std::int64_t head = 0; head < layout.heads; ++head)
        narrow(from + head * layout.size, rows_at(layout, page, head, place % rows_in_page), layout.size, precision_);
    }
  }
}

const OpenvinoState::Layout& OpenvinoState::layout_of(const Node& append) const {
  return layouts_.find(append.as<AppendOptions>().name)->second;
}

std::byte* OpenvinoState::rows_at(const Layout& layout, std::int64_t page, std::int64_t head, std::int64_t row) const {
  return memory_[layout.group][static_cast<std::size_t>(page)].get() + layout.offset +
         (head * rows_in_page + row) * layout.size * bytes_of_number(precision_);
}

void OpenvinoState::make_page(std::size_t group, std::int64_t page) {
  std::vector<Memory>& pages = memory_[group];
  try {
    if (static_cast<std::size_t>(page) >= pages.size()) pages.resize(static_cast<std::size_t>(page) + 1);
    pages[static_cast<std::size_t>(page)] = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(page_bytes_[group]));
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::out_of_memory, fmt::format("openvino: no memory for {} bytes of remembered rows", page_bytes_[group]));
  }
}

void OpenvinoState::copy_page(std::size_t group, std::int64_t from, std::int64_t to) {
  std::memcpy(memory_[group][static_cast<std::size_t>(to)].get(), memory_[group][static_cast<std::size_t>(from)].get(),
              static_cast<std::size_t>(page_bytes_[group]));
}

void OpenvinoState::drop_page(std::size_t group, std::int64_t page) { memory_[group][static_cast<std::size_t>(page)].reset(); }

}  // namespace accelerate::openvino

#include "backends/cpu/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "ipfs_accelerate/error.h"

namespace accelerate::cpu {
namespace {

/// Memory of dropped pages that is kept for the next ones, so that a sequence's end and the next one's beginning cost no
/// system call.
constexpr std::size_t most_spare_pages = 16;

}  // namespace

CpuState::Plan CpuState::plan_of(const KernelTable& kernels, std::span<const RememberedAttention> attentions, Precision precision) {
  if (precision != Precision::fp32 && precision != Precision::bf16)
    throw Error(ErrorKind::unsupported, fmt::format("backend cpu keeps rows in fp32 or bf16, not {}", name_of(precision)));
  Plan plan;
  for (const RememberedAttention& attention : attentions) {
    auto group = std::ranges::find_if(plan.groups,
                                      [&](const Group& other) { return other.size == attention.size && other.window == attention.window; });
    if (group == plan.groups.end())
      group = plan.groups.insert(group, {.size = attention.size, .page_bytes = 0, .window = attention.window});
    const PageBytes bytes = kernels.page_bytes(precision, rows_in_page, attention.head_size, attention.value_size);
    plan.attentions.push_back(
        {.group = static_cast<std::size_t>(group - plan.groups.begin()), .offset = group->page_bytes, .bytes = bytes});
    group->page_bytes += attention.key_heads * (bytes.keys + bytes.values);
  }
  return plan;
}

CpuState::CpuState(const KernelTable& kernels, std::span<const RememberedAttention> attentions, const StateOptions& options)
    : CpuState(plan_of(kernels, attentions, options.precision), options) {}

CpuState::CpuState(Plan plan, const StateOptions& options)
    : PagedState(plan.groups, rows_in_page, options.most_bytes), precision_(options.precision), attentions_(std::move(plan.attentions)) {
  for (const Group& group : plan.groups) page_bytes_.push_back(group.page_bytes);
  memory_.resize(page_bytes_.size());
  spare_.resize(page_bytes_.size());
}

CpuState::Place CpuState::place(std::size_t attention, std::int64_t head) const {
  const Layout& layout = attentions_[attention];
  const std::int64_t keys = layout.offset + head * (layout.bytes.keys + layout.bytes.values);
  return {.group = layout.group, .keys = keys, .values = keys + layout.bytes.keys};
}

void CpuState::make_page(std::size_t group, std::int64_t page) {
  std::vector<Buffer>& pages = memory_[group];
  if (static_cast<std::size_t>(page) >= pages.size()) pages.resize(static_cast<std::size_t>(page) + 1);
  Buffer& memory = pages[static_cast<std::size_t>(page)];
  if (spare_[group].empty()) {
    memory = Buffer(static_cast<std::size_t>(page_bytes_[group]));
  } else {
    memory = std::move(spare_[group].back());
    spare_[group].pop_back();
  }
}

void CpuState::copy_page(std::size_t group, std::int64_t from, std::int64_t to) {
  std::memcpy(page(group, to), page(group, from), static_cast<std::size_t>(page_bytes_[group]));
}

void CpuState::drop_page(std::size_t group, std::int64_t page) {
  Buffer memory = std::move(memory_[group][static_cast<std::size_t>(page)]);
  if (spare_[group].size() < most_spare_pages) spare_[group].push_back(std::move(memory));
}

}  // namespace accelerate::cpu

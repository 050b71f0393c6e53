#include "backends/paged_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backends/state_full.h"
#include "base/arithmetic.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {

PagedState::PagedState(std::vector<Group> groups, std::int64_t page_rows, std::int64_t most_bytes, std::int64_t call_rows)
    : page_rows_(page_rows), most_bytes_(most_bytes), call_rows_(call_rows) {
  for (Group& group : groups) groups_.push_back({.group = std::move(group), .users = {}, .unused = {}});
}

SequenceId PagedState::create() {
  sequences_.emplace(next_, Sequence(groups_.size()));
  return next_++;
}

SequenceId PagedState::fork(SequenceId from, std::string_view size, std::int64_t rows) {
  if (!can_fork(from, size, rows))
    throw Error(ErrorKind::internal, fmt::format("{} rows of a sequence that has {}, or no longer those", rows, this->rows(from, size)));
  Sequence sequence = at(from);
  for (const std::size_t group : groups_of(size)) sequence[group].count = rows;
  for (std::size_t group = 0; group < sequence.size(); ++group) {
    // Pages that were reserved by a run that failed stay with the first.
    sequence[group].pages.resize(static_cast<std::size_t>(divide_up(sequence[group].count, page_rows_)));
    for (std::int64_t page : sequence[group].pages)
      if (page != no_page) ++groups_[group].users[static_cast<std::size_t>(page)];
  }
  sequences_.emplace(next_, std::move(sequence));
  return next_++;
}

bool PagedState::can_fork(SequenceId from, std::string_view size, std::int64_t rows) const {
  return std::ranges::all_of(groups_of(size), [&](std::size_t group) {
    const Rows& all = at(from)[group];
    return rows >= 0 && rows <= all.count && pages_before(rows, group) >= all.given_back;
  });
}

void PagedState::remove(SequenceId sequence) {
  const Sequence& rows = at(sequence);
  for (std::size_t group = 0; group < rows.size(); ++group)
    for (std::int64_t page : rows[group].pages)
      if (page != no_page) release(group, page);
  sequences_.erase(sequence);
}

std::int64_t PagedState::rows(SequenceId sequence, std::string_view size) const { return at(sequence)[groups_of(size).front()].count; }

StateUse PagedState::use() const {
  return {.bytes = bytes_, .most_bytes = most_bytes_, .sequences = static_cast<std::int64_t>(sequences_.size())};
}

std::int64_t PagedState::bytes_for(std::string_view size, std::int64_t rows) const {
  std::int64_t bytes = 0;
  for (const std::size_t group : groups_of(size)) {
    const Group& of = groups_[group].group;
    std::int64_t pages = divide_up(rows, page_rows_);
    if (of.window >= 0) pages = std::min(pages, divide_up(of.window + call_rows_, page_rows_) + 2);  // one cut at either end
    bytes += pages * of.page_bytes;
  }
  return bytes;
}

void PagedState::reserve(std::span<const Growth> growths) {
  std::int64_t wanted = 0;
  for (const Growth& growth : growths)
    for (const std::size_t group : groups_of(growth.size)) wanted += pages_needed(growth, group) * groups_[group].group.page_bytes;
  if (bytes_ + wanted > most_bytes_)
    throw StateFull(fmt::format("remembered sequences take {} bytes and this call needs {} more, of {} that they may take", bytes_, wanted,
                                most_bytes_));
  for (const Growth& growth : growths)
    for (const std::size_t group : groups_of(growth.size)) reserve(growth, group);
}

void PagedState::reserve(const Growth& growth, std::size_t group) {
  Rows& rows = sequences_.at(growth.sequence)[group];
  // The last page may be another's too; new rows go to a copy of it.
  if (growth.rows > 0 && rows.count % page_rows_ != 0) {
    std::int64_t& last = rows.pages[static_cast<std::size_t>(rows.count / page_rows_)];
    if (groups_[group].users[static_cast<std::size_t>(last)] > 1) {
      const std::int64_t own = take_page(group);
      copy_page(group, last, own);
      release(group, last);
      last = own;
    }
  }
  while (static_cast<std::int64_t>(rows.pages.size()) * page_rows_ < rows.count + growth.rows) rows.pages.push_back(take_page(group));
}

void PagedState::commit(std::span<const Growth> growths) {
  for (const Growth& growth : growths) {
    for (const std::size_t group : groups_of(growth.size)) {
      Rows& rows = sequences_.at(growth.sequence)[group];
      rows.count += growth.rows;
      give_back(rows, group);
    }
  }
}

/// Pages at the beginning that whoever goes on after so many rows does not read.
std::int64_t PagedState::pages_before(std::int64_t rows, std::size_t group) const {
  const std::int64_t window = groups_[group].group.window;
  return window < 0 ? 0 : std::max<std::int64_t>(rows - window, 0) / page_rows_;
}

void PagedState::give_back(Rows& rows, std::size_t group) {
  // A page more than is read stays, so that a text may still be forked a little before its end.
  for (const std::int64_t end = pages_before(rows.count, group) - 1; rows.given_back < end; ++rows.given_back)
    release(group, std::exchange(rows.pages[static_cast<std::size_t>(rows.given_back)], no_page));
}

std::span<const std::int64_t> PagedState::pages(SequenceId sequence, std::size_t group) const { return at(sequence)[group].pages; }

std::vector<std::size_t> PagedState::groups_of(std::string_view size) const {
  std::vector<std::size_t> found;
  for (std::size_t group = 0; group < groups_.size(); ++group)
    if (groups_[group].group.size == size) found.push_back(group);
  if (found.empty()) throw Error(ErrorKind::internal, fmt::format("no rows are remembered under the size '{}'", size));
  return found;
}

const PagedState::Sequence& PagedState::at(SequenceId sequence) const {
  const auto found = sequences_.find(sequence);
  if (found == sequences_.end()) throw Error(ErrorKind::internal, fmt::format("sequence {} is not remembered", sequence));
  return found->second;
}

std::int64_t PagedState::pages_needed(const Growth& growth, std::size_t group) const {
  const Rows& rows = at(growth.sequence)[group];
  std::int64_t pages =
      std::max<std::int64_t>(0, divide_up(rows.count + growth.rows, page_rows_) - static_cast<std::int64_t>(rows.pages.size()));
  if (growth.rows > 0 && rows.count % page_rows_ != 0) {
    const std::int64_t last = rows.pages[static_cast<std::size_t>(rows.count / page_rows_)];
    if (groups_[group].users[static_cast<std::size_t>(last)] > 1) ++pages;
  }
  return pages;
}

std::int64_t PagedState::take_page(std::size_t group) {
  Pages& pages = groups_[group];
  const bool is_new = pages.unused.empty();
  const auto page = is_new ? static_cast<std::int64_t>(pages.users.size()) : pages.unused.back();
  make_page(group, page);
  if (is_new)
    pages.users.push_back(1);
  else
    pages.unused.pop_back(), pages.users[static_cast<std::size_t>(page)] = 1;
  bytes_ += pages.group.page_bytes;
  return page;
}

void PagedState::release(std::size_t group, std::int64_t page) {
  Pages& pages = groups_[group];
  if (--pages.users[static_cast<std::size_t>(page)] > 0) return;
  drop_page(group, page);
  pages.unused.push_back(page);
  bytes_ -= pages.group.page_bytes;
}

std::vector<PagedState::Growth> growths_of(const Graph& graph, std::span<const AppendedSize> sizes, const TensorMap& inputs,
                                           const StateCall& call) {
  std::vector<PagedState::Growth> growths;
  for (const AppendedSize& size : sizes) {
    const auto begins = inputs.find(graph.producer(size.sequences).as<InputOptions>().name)->second.values<std::int64_t>();
    for (std::size_t i = 0; i < call.sequences.size(); ++i)
      growths.push_back({.sequence = call.sequences[i], .size = size.name, .rows = begins[i + 1] - begins[i]});
  }
  return growths;
}

}  // namespace accelerate

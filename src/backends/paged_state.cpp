#include "backends/paged_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/state_full.h"
#include "base/arithmetic.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {

PagedState::PagedState(std::vector<Group> groups, std::int64_t page_rows, std::int64_t most_bytes)
    : page_rows_(page_rows), most_bytes_(most_bytes) {
  for (Group& group : groups) groups_.push_back({.group = std::move(group), .users = {}, .unused = {}});
}

SequenceId PagedState::create() {
  sequences_.emplace(next_, Sequence(groups_.size()));
  return next_++;
}

SequenceId PagedState::fork(SequenceId from, std::string_view size, std::int64_t rows) {
  Sequence sequence = at(from);
  Rows& cut = sequence[group_of(size)];
  if (rows < 0 || rows > cut.count) throw Error(ErrorKind::internal, fmt::format("{} rows of a sequence that has {}", rows, cut.count));
  cut.count = rows;
  cut.pages.resize(static_cast<std::size_t>(divide_up(rows, page_rows_)));
  for (std::size_t group = 0; group < sequence.size(); ++group) {
    // Pages that were reserved by a run that failed stay with the first.
    sequence[group].pages.resize(static_cast<std::size_t>(divide_up(sequence[group].count, page_rows_)));
    for (std::int64_t page : sequence[group].pages) ++groups_[group].users[static_cast<std::size_t>(page)];
  }
  sequences_.emplace(next_, std::move(sequence));
  return next_++;
}

void PagedState::remove(SequenceId sequence) {
  const Sequence& rows = at(sequence);
  for (std::size_t group = 0; group < rows.size(); ++group)
    for (std::int64_t page : rows[group].pages) release(group, page);
  sequences_.erase(sequence);
}

std::int64_t PagedState::rows(SequenceId sequence, std::string_view size) const { return at(sequence)[group_of(size)].count; }

StateUse PagedState::use() const {
  return {.bytes = bytes_, .most_bytes = most_bytes_, .sequences = static_cast<std::int64_t>(sequences_.size())};
}

std::int64_t PagedState::bytes_for(std::string_view size, std::int64_t rows) const {
  return divide_up(rows, page_rows_) * groups_[group_of(size)].group.page_bytes;
}

void PagedState::reserve(std::span<const Growth> growths) {
  std::int64_t wanted = 0;
  for (const Growth& growth : growths) wanted += pages_needed(growth) * groups_[group_of(growth.size)].group.page_bytes;
  if (bytes_ + wanted > most_bytes_)
    throw StateFull(fmt::format("remembered sequences take {} bytes and this call needs {} more, of {} that they may take", bytes_, wanted,
                                most_bytes_));
  for (const Growth& growth : growths) {
    const std::size_t group = group_of(growth.size);
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
}

void PagedState::commit(std::span<const Growth> growths) {
  for (const Growth& growth : growths) sequences_.at(growth.sequence)[group_of(growth.size)].count += growth.rows;
}

std::span<const std::int64_t> PagedState::pages(SequenceId sequence, std::size_t group) const { return at(sequence)[group].pages; }

std::size_t PagedState::group_of(std::string_view size) const {
  const auto found = std::ranges::find_if(groups_, [&](const Pages& pages) { return pages.group.size == size; });
  if (found == groups_.end()) throw Error(ErrorKind::internal, fmt::format("no rows are remembered under the size '{}'", size));
  return static_cast<std::size_t>(found - groups_.begin());
}

const PagedState::Sequence& PagedState::at(SequenceId sequence) const {
  const auto found = sequences_.find(sequence);
  if (found == sequences_.end()) throw Error(ErrorKind::internal, fmt::format("sequence {} is not remembered", sequence));
  return found->second;
}

std::int64_t PagedState::pages_needed(const Growth& growth) const {
  const std::size_t group = group_of(growth.size);
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

}  // namespace accelerate

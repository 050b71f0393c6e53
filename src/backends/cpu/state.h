#pragma once

#include "backends/cpu/kernels/kernel_table.h"
#include "backends/cpu/memory.h"
#include "backends/paged_state.h"

namespace accelerate::cpu {

/// Keys of a page: a multiple of what a panel of any level holds.
inline constexpr std::int64_t rows_in_page = 64;

/// An attention whose keys and values are remembered.
struct RememberedAttention {
  std::string size;  ///< of its rows (AppendOptions::rows)
  std::int64_t key_heads;
  std::int64_t head_size;
  std::int64_t value_size;
  std::int64_t window;  ///< keys before a query that it sees; -1: all
};

/// Remembered keys and values as the kernels read them. A page holds `rows_in_page` tokens of every attention of its size and
/// window, head by head.
class CpuState final : public PagedState {
 public:
  CpuState(const KernelTable& kernels, std::span<const RememberedAttention> attentions, const StateOptions& options);

  /// Where the keys and values of one head of one attention lie in the pages of its group.
  struct Place {
    std::size_t group;
    std::int64_t keys;    ///< bytes into the page
    std::int64_t values;  ///< bytes into the page
  };

  Place place(std::size_t attention, std::int64_t head) const;

  Precision precision() const { return precision_; }

  /// Bytes that storing rows of the attention needs.
  std::int64_t scratch_bytes(std::size_t attention) const { return attentions_[attention].bytes.scratch; }

  /// Null for a page that was given back.
  std::byte* page(std::size_t group, std::int64_t page) const {
    return page == no_page ? nullptr : memory_[group][static_cast<std::size_t>(page)].data();
  }

 protected:
  void make_page(std::size_t group, std::int64_t page) override;
  void copy_page(std::size_t group, std::int64_t from, std::int64_t to) override;
  void drop_page(std::size_t group, std::int64_t page) override;

 private:
  struct Layout {
    std::size_t group;
    std::int64_t offset;  ///< of the first head, in bytes into the page
    PageBytes bytes;      ///< of one head
  };

  /// The attentions' places, and the groups that they make up.
  struct Plan {
    std::vector<Layout> attentions;
    std::vector<Group> groups;
  };
  static Plan plan_of(const KernelTable& kernels, std::span<const RememberedAttention> attentions, Precision precision);
  CpuState(Plan plan, const StateOptions& options);

  Precision precision_;
  std::vector<Layout> attentions_;
  std::vector<std::int64_t> page_bytes_;     ///< by group
  std::vector<std::vector<Buffer>> memory_;  ///< by group and page
  std::vector<std::vector<Buffer>> spare_;   ///< by group: of pages that were dropped, for the next
};

}  // namespace accelerate::cpu

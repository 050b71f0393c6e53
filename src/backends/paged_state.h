// A state whose rows lie in pages: sequences grow without being moved, share what they have in common, and give back what
// they leave to whoever comes next (Kwon et al., 2023).
#pragma once

#include <map>
#include <optional>

#include "backends/state.h"

namespace accelerate {

/// The book-keeping of pages; a backend adds the memory.
class PagedState : public State {
 public:
  static constexpr std::int64_t no_page = -1;

  /// The pages that hold rows of one size.
  struct Group {
    std::string size;
    std::int64_t page_bytes;   ///< of the rows of all append nodes of that group
    std::int64_t window = -1;  ///< rows before a new one that are still read, the others are given back; -1: all are
  };

  /// `call_rows`: about what a call brings of one sequence, at most; bytes_for() counts on it beside a window.
  PagedState(std::vector<Group> groups, std::int64_t page_rows, std::int64_t most_bytes, std::int64_t call_rows = 512);

  SequenceId create() override;
  SequenceId fork(SequenceId from, std::string_view size, std::int64_t rows) override;
  void remove(SequenceId sequence) override;
  bool can_fork(SequenceId from, std::string_view size, std::int64_t rows) const override;
  std::int64_t rows(SequenceId sequence, std::string_view size) const override;
  StateUse use() const override;
  std::int64_t bytes_for(std::string_view size, std::int64_t rows) const override;

  std::int64_t page_rows() const { return page_rows_; }

  /// Rows that a sequence is about to get.
  struct Growth {
    SequenceId sequence;
    std::string_view size;
    std::int64_t rows;
  };

  /// Gives each sequence pages of its own for its new rows. Throws out_of_memory, and changes nothing then, when they would
  /// take more than the state may.
  void reserve(std::span<const Growth> growths);

  /// Counts the rows, which reserve() made room for and a run has written, and gives back pages that no later row reads.
  void commit(std::span<const Growth> growths);

  /// The sequence's pages of a group, in order: page i holds rows [i · page_rows, (i + 1) · page_rows); no_page: it was given back.
  std::span<const std::int64_t> pages(SequenceId sequence, std::size_t group) const;

 protected:
  /// Makes page `page` of a group, whose number is the next or one that was dropped. Throws out_of_memory.
  virtual void make_page(std::size_t group, std::int64_t page) = 0;

  /// Copies all rows of a page.
  virtual void copy_page(std::size_t group, std::int64_t from, std::int64_t to) = 0;

  /// Gives the memory of a page back.
  virtual void drop_page(std::size_t group, std::int64_t page) = 0;

 private:
  struct Rows {
    std::vector<std::int64_t> pages;
    std::int64_t count = 0;
    std::int64_t given_back = 0;  ///< pages at the beginning that are no_page
  };
  using Sequence = std::vector<Rows>;  // by group

  struct Pages {
    Group group;
    std::vector<int> users;            ///< by page
    std::vector<std::int64_t> unused;  ///< numbers of pages that were dropped
  };

  std::vector<std::size_t> groups_of(std::string_view size) const;
  const Sequence& at(SequenceId sequence) const;
  std::int64_t pages_needed(const Growth& growth, std::size_t group) const;
  void reserve(const Growth& growth, std::size_t group);
  std::int64_t pages_before(std::int64_t rows, std::size_t group) const;
  void give_back(Rows& rows, std::size_t group);
  std::int64_t take_page(std::size_t group);
  void release(std::size_t group, std::int64_t page);

  std::vector<Pages> groups_;
  std::int64_t page_rows_;
  std::int64_t most_bytes_;
  std::int64_t call_rows_;
  std::int64_t bytes_ = 0;
  std::map<SequenceId, Sequence> sequences_;
  SequenceId next_ = 0;
};

/// The rows that a call brings its sequences under each of the graph's appended sizes, whose names they refer to.
std::vector<PagedState::Growth> growths_of(const Graph& graph, std::span<const AppendedSize> sizes, const TensorMap& inputs,
                                           const StateCall& call);

}  // namespace accelerate

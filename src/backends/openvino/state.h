#pragma once

#include <map>
#include <memory>

#include "backends/paged_state.h"
#include "base/thread_pool.h"

namespace accelerate::openvino {

/// Remembered keys and values, which a call hands to the runtime as rectangles. A page holds `rows_in_page` rows of every
/// append node of its size, node by node and head by head.
class OpenvinoState final : public PagedState {
 public:
  /// For the append nodes of the graph, whose rows are [heads, size]. Throws unsupported for a precision other than fp32 and bf16.
  OpenvinoState(const Graph& graph, std::shared_ptr<ThreadPool> threads, const StateOptions& options);

  /// The rows that an append node remembers of these sequences, float32 [sequences, heads, places, size], where places are at least
  /// as many as the rows of each sequence; zeros behind them.
  Tensor rectangle(const Node& append, std::span<const SequenceId> sequences, std::int64_t places) const;

  /// Writes new rows of an append node, float32 [tokens, heads, size], of which sequence i has [begins[i], begins[i + 1]), to
  /// the pages that reserve() gave them.
  void store(const Node& append, std::span<const SequenceId> sequences, std::span<const std::int64_t> begins, const Tensor& rows);

 protected:
  void make_page(std::size_t group, std::int64_t page) override;
  void copy_page(std::size_t group, std::int64_t from, std::int64_t to) override;
  void drop_page(std::size_t group, std::int64_t page) override;

 private:
  using Memory = std::unique_ptr<std::byte[]>;

  /// Where the rows of an append node lie.
  struct Layout {
    std::size_t group;
    std::int64_t offset;  ///< of the first head, in bytes into the page
    std::int64_t heads;
    std::int64_t size;      ///< numbers of a head's row
    std::string rows_name;  ///< the size that counts its rows
  };

  struct Plan {
    std::vector<Group> groups;
    std::map<std::string, Layout, std::less<>> layouts;  ///< by append node's name
  };
  static Plan plan_of(const Graph& graph, Precision precision);
  OpenvinoState(Plan plan, std::shared_ptr<ThreadPool> threads, const StateOptions& options);

  const Layout& layout_of(const Node& append) const;
  std::byte* rows_at(const Layout& layout, std::int64_t page, std::int64_t head, std::int64_t row) const;

  std::shared_ptr<ThreadPool> threads_;
  Precision precision_;
  std::map<std::string, Layout, std::less<>> layouts_;
  std::vector<std::int64_t> page_bytes_;     ///< by group
  std::vector<std::vector<Memory>> memory_;  ///< by group and page
};

}  // namespace accelerate::openvino

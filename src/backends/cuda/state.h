#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "backends/cuda/buffers.h"
#include "backends/cuda/kernels/kernels.h"
#include "backends/paged_state.h"
#include "graph/graph.h"

namespace accelerate::cuda {

/// The attention that reads what the append node gives, as its keys or its values; nullptr where anything else does too.
const Node* attention_of(const Graph& graph, const Node& append);

/// Remembered keys and values in the device's memory. A page holds `page_rows` rows of every append node of its size and its
/// attention's window, one node's rows [page_rows, columns] after another's.
class CudaState final : public PagedState {
 public:
  /// Rows are kept as `element`. The caller holds a DeviceUse, as it does where pages are reserved.
  CudaState(const Graph& graph, std::shared_ptr<OpenDevice> device, Element element, std::int64_t most_bytes);

  /// Where the rows of an append node lie.
  struct Place {
    std::size_t group;
    std::int64_t offset;  ///< bytes into the page
  };

  const Place& place(ValueId appended) const { return places_.find(appended)->second; }
  Element element() const { return element_; }
  std::size_t groups() const { return page_bytes_.size(); }

  /// Words that the tables of these sequences take: rounded up, so that they stay as many for most steps that add a row.
  std::int64_t table_words(std::span<const SequenceId> sequences) const;

  /// Writes the tables of all groups to `words`: begins [groups, sequences], then addresses of pages.
  void write_tables(std::span<const SequenceId> sequences, std::int64_t* words) const;

  /// The group's table of so many sequences where write_tables' words lie.
  static PageTable table_at(const std::byte* words, std::size_t groups, std::size_t sequences, std::size_t group);

 protected:
  void make_page(std::size_t group, std::int64_t page) override;
  void copy_page(std::size_t group, std::int64_t from, std::int64_t to) override;
  void drop_page(std::size_t group, std::int64_t page) override;

 private:
  struct Plan {
    std::vector<Group> groups;
    std::map<ValueId, Place> places;
  };
  static Plan plan_of(const Graph& graph, Element element);
  CudaState(Plan plan, std::shared_ptr<OpenDevice> device, Element element, std::int64_t most_bytes);

  std::shared_ptr<OpenDevice> device_;
  OwnedStream copies_;
  Element element_;
  std::map<ValueId, Place> places_;                ///< by what append nodes give
  std::vector<std::int64_t> page_bytes_;           ///< by group
  std::vector<std::vector<DeviceBuffer>> memory_;  ///< by group and page
};

}  // namespace accelerate::cuda

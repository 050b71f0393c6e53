#pragma once

#include <map>
#include <string>
#include <vector>

#include "backends/state.h"

namespace accelerate::reference {

/// A state as plain as it can be: for each sequence and each append node the rows so far, one after another.
class RememberedRows final : public State {
 public:
  /// For a graph with these append nodes.
  RememberedRows(const Graph& graph, const StateOptions& options);

  SequenceId create() override;
  SequenceId fork(SequenceId from, std::string_view size, std::int64_t rows) override;
  void remove(SequenceId sequence) override;
  std::int64_t rows(SequenceId sequence, std::string_view size) const override;
  StateUse use() const override;
  std::int64_t bytes_for(std::string_view size, std::int64_t rows) const override;

  /// The rows of an append node's sequences so far, and then those of `x`, of which sequence i has [begins[i], begins[i + 1]).
  Tensor appended(const Node& node, const Tensor& x, std::span<const std::int64_t> begins, std::span<const SequenceId> sequences) const;

  /// Keeps what appended() gave for a node, of which sequence i has rows [context[i], context[i + 1]).
  void keep(const Node& node, const Tensor& rows, std::span<const std::int64_t> context, std::span<const SequenceId> sequences);

 private:
  struct Name {
    std::string size;
    std::int64_t row_elements;
  };
  using Sequence = std::map<std::string, std::vector<float>, std::less<>>;  // by append node's name

  const Sequence& at(SequenceId sequence) const;

  std::map<std::string, Name, std::less<>> names_;
  std::int64_t most_bytes_;
  std::map<SequenceId, Sequence> sequences_;
  SequenceId next_ = 0;
};

}  // namespace accelerate::reference

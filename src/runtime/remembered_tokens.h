#pragma once

#include <map>
#include <vector>

#include "backends/state.h"

namespace accelerate {

/// The state of a backend that keeps nothing between calls: the tokens of each sequence, of which every call computes all
/// anew. Its one size is "context".
class RememberedTokens final : public State {
 public:
  explicit RememberedTokens(std::int64_t most_bytes) : most_bytes_(most_bytes) {}

  SequenceId create() override;
  SequenceId fork(SequenceId from, std::string_view size, std::int64_t rows) override;
  void remove(SequenceId sequence) override;
  std::int64_t rows(SequenceId sequence, std::string_view size) const override;
  StateUse use() const override;
  std::int64_t bytes_for(std::string_view size, std::int64_t rows) const override;

  std::span<const std::int64_t> tokens(SequenceId sequence) const;
  void append(SequenceId sequence, std::span<const std::int64_t> tokens);

 private:
  std::int64_t most_bytes_;
  std::map<SequenceId, std::vector<std::int64_t>> sequences_;
  SequenceId next_ = 0;
};

}  // namespace accelerate

#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backends/state.h"
#include "runtime/source_text.h"

namespace accelerate {

/// The state of a backend that keeps nothing between calls: the tokens of each sequence, and the text that they answer where
/// there is one, of which every call computes all anew. Its sizes are that of the tokens, which grow, and one other.
class RememberedTokens final : public State {
 public:
  RememberedTokens(std::int64_t most_bytes, std::string growing) : most_bytes_(most_bytes), growing_(std::move(growing)) {}

  SequenceId create() override;
  SequenceId fork(SequenceId from, std::string_view size, std::int64_t rows) override;
  void remove(SequenceId sequence) override;
  std::int64_t rows(SequenceId sequence, std::string_view size) const override;
  StateUse use() const override;
  std::int64_t bytes_for(std::string_view size, std::int64_t rows) const override;

  std::span<const std::int64_t> tokens(SequenceId sequence) const;

  /// What the sequence's encoder reads; nullptr where nothing was given.
  const SourceText* source(SequenceId sequence) const;

  void append(SequenceId sequence, std::span<const std::int64_t> tokens, const std::shared_ptr<const SourceText>& source);

 private:
  struct Sequence {
    std::vector<std::int64_t> tokens;
    std::shared_ptr<const SourceText> source;
  };

  std::int64_t most_bytes_;
  std::string growing_;
  std::map<SequenceId, Sequence> sequences_;
  SequenceId next_ = 0;
};

}  // namespace accelerate

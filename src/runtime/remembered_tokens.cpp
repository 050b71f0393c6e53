#include "runtime/remembered_tokens.h"

namespace accelerate {
namespace {

constexpr std::int64_t bytes_of_token = sizeof(std::int64_t);

}  // namespace

SequenceId RememberedTokens::create() {
  sequences_[next_];
  return next_++;
}

SequenceId RememberedTokens::fork(SequenceId from, std::string_view, std::int64_t rows) {
  Sequence sequence = sequences_.at(from);
  sequence.tokens.resize(static_cast<std::size_t>(rows));
  sequences_[next_] = std::move(sequence);
  return next_++;
}

void RememberedTokens::remove(SequenceId sequence) { sequences_.erase(sequence); }

std::int64_t RememberedTokens::rows(SequenceId sequence, std::string_view size) const {
  const Sequence& found = sequences_.at(sequence);
  if (size == growing_) return static_cast<std::int64_t>(found.tokens.size());
  return found.source ? found.source->tokens : 0;
}

StateUse RememberedTokens::use() const {
  StateUse use{.bytes = 0, .most_bytes = most_bytes_, .sequences = static_cast<std::int64_t>(sequences_.size())};
  for (const auto& [id, sequence] : sequences_)
    use.bytes += (static_cast<std::int64_t>(sequence.tokens.size()) + (sequence.source ? sequence.source->tokens : 0)) * bytes_of_token;
  return use;
}

std::int64_t RememberedTokens::bytes_for(std::string_view, std::int64_t rows) const { return rows * bytes_of_token; }

std::span<const std::int64_t> RememberedTokens::tokens(SequenceId sequence) const { return sequences_.at(sequence).tokens; }

const SourceText* RememberedTokens::source(SequenceId sequence) const { return sequences_.at(sequence).source.get(); }

void RememberedTokens::append(SequenceId sequence, std::span<const std::int64_t> tokens, const std::shared_ptr<const SourceText>& source) {
  Sequence& found = sequences_.at(sequence);
  found.tokens.insert(found.tokens.end(), tokens.begin(), tokens.end());
  if (source) found.source = source;
}

}  // namespace accelerate

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
  std::vector<std::int64_t> tokens = sequences_.at(from);
  tokens.resize(static_cast<std::size_t>(rows));
  sequences_[next_] = std::move(tokens);
  return next_++;
}

void RememberedTokens::remove(SequenceId sequence) { sequences_.erase(sequence); }

std::int64_t RememberedTokens::rows(SequenceId sequence, std::string_view) const {
  return static_cast<std::int64_t>(sequences_.at(sequence).size());
}

StateUse RememberedTokens::use() const {
  StateUse use{.bytes = 0, .most_bytes = most_bytes_, .sequences = static_cast<std::int64_t>(sequences_.size())};
  for (const auto& [id, tokens] : sequences_) use.bytes += static_cast<std::int64_t>(tokens.size()) * bytes_of_token;
  return use;
}

std::int64_t RememberedTokens::bytes_for(std::string_view, std::int64_t rows) const { return rows * bytes_of_token; }

std::span<const std::int64_t> RememberedTokens::tokens(SequenceId sequence) const { return sequences_.at(sequence); }

void RememberedTokens::append(SequenceId sequence, std::span<const std::int64_t> tokens) {
  std::vector<std::int64_t>& all = sequences_.at(sequence);
  all.insert(all.end(), tokens.begin(), tokens.end());
}

}  // namespace accelerate

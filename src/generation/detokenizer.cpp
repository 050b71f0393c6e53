#include "generation/detokenizer.h"

#include <algorithm>
#include <string_view>

namespace accelerate {
namespace {

// Decoders write a token by its neighbours: a space goes before it or not. A few tokens are enough to tell.
constexpr std::size_t most_context = 5;

// Where so many tokens make no whole character, none is to be expected any more.
constexpr std::size_t most_waiting = 16;

// So many tokens without a text may pile up after those that have one.
constexpr std::size_t most_silent = 64;

constexpr std::string_view replacement = "\uFFFD";

}  // namespace

Detokenizer::Detokenizer(const Tokenizer& tokenizer, std::span<const std::int64_t> context, bool skip_special_tokens)
    : tokenizer_(&tokenizer), skip_special_tokens_(skip_special_tokens) {
  const auto last = context.last(std::min(context.size(), most_context));
  tokens_.assign(last.begin(), last.end());
  shown_ = tokens_.size();
}

std::string Detokenizer::push(std::int64_t token) {
  tokens_.push_back(token);
  const std::string text = text_of(0);
  const bool is_whole = !text.ends_with(replacement) || tokens_.size() - shown_ > most_waiting;
  return is_whole ? take(text) : std::string();
}

std::string Detokenizer::flush() {
  if (shown_ == tokens_.size()) return {};
  std::string text = text_of(shown_);
  shown_ = tokens_.size();
  return text;
}

/// The text of the tokens from `begin` on.
std::string Detokenizer::text_of(std::size_t begin) const {
  return tokenizer_->decode(std::span(tokens_).subspan(begin), skip_special_tokens_);
}

/// What `text`, that of all tokens, has beyond what was shown of it. The tokens that it came from become the context of those
/// to come.
std::string Detokenizer::take(const std::string& text) {
  const std::string known = tokenizer_->decode(std::span(tokens_).first(shown_), skip_special_tokens_);
  // Bytes that make no character can spoil those before them, which then no longer tell how the new ones are written.
  std::string added = text.starts_with(known) ? text.substr(known.size()) : text_of(shown_);
  const bool is_context = !added.empty() || tokens_.size() > most_silent;
  // Tokens without a text, such as special ones, tell a decoder nothing.
  if (is_context) tokens_.erase(tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(shown_));
  shown_ = tokens_.size();
  return added;
}

}  // namespace accelerate

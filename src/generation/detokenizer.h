#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "processing/tokenizer.h"

namespace accelerate {

/// Turns tokens into text as they come, whole characters at a time: bytes of a character whose rest is missing wait for it.
class Detokenizer {
 public:
  /// `context` are tokens that stand before the text and decide how its first one is written; those of a prompt that the
  /// text continues, or none. `tokenizer` outlives this.
  Detokenizer(const Tokenizer& tokenizer, std::span<const std::int64_t> context, bool skip_special_tokens = true);

  /// What `token` adds to the text; empty while a character is incomplete. Throws invalid_argument for an id that is not
  /// in the vocabulary.
  std::string push(std::int64_t token);

  /// What waits for its rest in vain, with U+FFFD for what is no character.
  std::string flush();

 private:
  std::string text_of(std::size_t begin) const;
  std::string take(const std::string& text);

  const Tokenizer* tokenizer_;
  bool skip_special_tokens_;
  std::vector<std::int64_t> tokens_;  // from where decoding begins
  std::size_t shown_;                 // tokens whose text was given out
};

}  // namespace accelerate

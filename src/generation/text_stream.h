#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "generation/detokenizer.h"
#include "generation/settings.h"
#include "generation/stop_strings.h"

namespace accelerate {

/// The text of one request as its tokens come, and when it ends.
class TextStream {
 public:
  /// `context` as Detokenizer takes it; `tokenizer` outlives this.
  TextStream(const Tokenizer& tokenizer, const GenerationSettings& settings, std::span<const std::int64_t> context = {});

  /// Takes the next token and returns the text that may be shown now: whole characters that cannot turn out to be part of a
  /// stop string. End and stop tokens have no text. Nothing comes once the text has ended.
  std::string push(std::int64_t token);

  /// Ends the text for another reason than its tokens, and returns what was held back.
  std::string end(FinishReason reason);

  /// Why the text has ended; none while it goes on.
  FinishReason finish_reason() const { return reason_; }

  /// Tokens that were taken, the one that ended the text included.
  std::int64_t tokens() const { return tokens_; }

 private:
  Detokenizer detokenizer_;
  StopStrings stop_strings_;
  std::vector<std::int64_t> end_tokens_;
  std::vector<std::int64_t> stop_tokens_;
  std::int64_t most_tokens_;
  std::int64_t tokens_ = 0;
  FinishReason reason_ = FinishReason::none;
};

}  // namespace accelerate

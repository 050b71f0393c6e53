#include "generation/text_stream.h"

#include <algorithm>

namespace accelerate {
namespace {

bool contains(const std::vector<std::int64_t>& tokens, std::int64_t token) { return std::ranges::find(tokens, token) != tokens.end(); }

}  // namespace

TextStream::TextStream(const Tokenizer& tokenizer, const GenerationSettings& settings, std::span<const std::int64_t> context)
    : detokenizer_(tokenizer, context),
      stop_strings_(settings.stop_strings, settings.include_stop_string),
      end_tokens_(settings.eos_token_id),
      stop_tokens_(settings.stop_token_ids),
      most_tokens_(settings.max_new_tokens) {}

std::string TextStream::push(std::int64_t token) {
  if (reason_ != FinishReason::none) return {};
  ++tokens_;
  if (contains(end_tokens_, token)) return end(FinishReason::end_token);
  if (contains(stop_tokens_, token)) return end(FinishReason::stop_token);
  std::string text = stop_strings_.push(detokenizer_.push(token));
  if (stop_strings_.found()) {
    reason_ = FinishReason::stop_string;
  } else if (tokens_ >= most_tokens_) {
    text += end(FinishReason::length);
  }
  return text;
}

std::string TextStream::end(FinishReason reason) {
  if (reason_ != FinishReason::none) return {};
  reason_ = reason;
  std::string text = stop_strings_.push(detokenizer_.flush());
  if (stop_strings_.found()) {
    reason_ = FinishReason::stop_string;
    return text;
  }
  return text + stop_strings_.flush();
}

}  // namespace accelerate

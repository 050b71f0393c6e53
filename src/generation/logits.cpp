#include "generation/logits.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "generation/candidates.h"
#include "generation/log_probabilities.h"

namespace accelerate {
namespace {

using Tokens = std::span<const std::int64_t>;

constexpr float never = -std::numeric_limits<float>::infinity();

/// One row of logits, with what the processors need to know about it.
class Row {
 public:
  Row(const GenerationSettings& settings, const TokenContext& context, std::span<float> logits)
      : settings_(settings), tokens_(context.tokens), encoder_tokens_(context.encoder_tokens), logits_(logits) {}

  void process(TokenBits allowed) {
    for (const auto& [token, bias] : settings_.logit_bias) at(token) += static_cast<float>(bias);
    penalize_repetition();
    penalize_generated();
    forbid_ngrams(settings_.no_repeat_ngram_size, tokens_);
    forbid_ngrams(settings_.encoder_no_repeat_ngram_size, encoder_tokens_);
    forbid_bad_words();
    if (generated() < settings_.min_new_tokens) forbid(settings_.eos_token_id);
    if (!allowed.empty()) forbid_all_but(allowed);
    if (settings_.forced_bos_token_id && tokens_.size() == 1) force({&*settings_.forced_bos_token_id, 1});
    if (!settings_.forced_eos_token_id.empty() && generated() == settings_.max_new_tokens - 1) force(settings_.forced_eos_token_id);
    if (settings_.remove_invalid_values) remove_invalid_values();
    forbid(settings_.suppress_tokens);
    if (generated() == first_free_place()) forbid(settings_.begin_suppress_tokens);
    if (settings_.do_sample) filter();
    if (settings_.renormalize_logits) to_log_probabilities(logits_);
  }

 private:
  float& at(std::int64_t token) { return logits_[static_cast<std::size_t>(token)]; }

  bool is_token(std::int64_t token) const { return token >= 0 && token < static_cast<std::int64_t>(logits_.size()); }

  std::int64_t generated() const { return static_cast<std::int64_t>(tokens_.size()) - settings_.prompt_tokens; }

  void forbid(Tokens tokens) {
    for (const std::int64_t token : tokens) at(token) = never;
  }

  void force(Tokens tokens) {
    std::ranges::fill(logits_, never);
    for (const std::int64_t token : tokens) at(token) = 0;
  }

  void penalize_repetition() {
    if (settings_.repetition_penalty == 1) return;
    const auto penalty = static_cast<float>(settings_.repetition_penalty);
    std::vector<bool> seen(logits_.size());
    for (const std::int64_t token : tokens_) {
      if (!is_token(token) || seen[static_cast<std::size_t>(token)]) continue;
      seen[static_cast<std::size_t>(token)] = true;
      float& logit = at(token);
      logit = logit < 0 ? logit * penalty : logit / penalty;
    }
  }

  void penalize_generated() {
    if (settings_.presence_penalty == 0 && settings_.frequency_penalty == 0) return;
    std::unordered_map<std::int64_t, int> counts;
    for (const std::int64_t token : tokens_.last(static_cast<std::size_t>(generated()))) ++counts[token];
    for (const auto& [token, count] : counts)
      at(token) -= static_cast<float>(settings_.presence_penalty + count * settings_.frequency_penalty);
  }

  /// Forbids what would repeat a run of `size` tokens of `text`.
  void forbid_ngrams(std::int64_t size, Tokens text) {
    if (size == 0 || std::ssize(tokens_) < size - 1) return;
    const auto length = static_cast<std::size_t>(size);
    const Tokens beginning = tokens_.last(length - 1);
    for (std::size_t i = 0; i + length <= text.size(); ++i) {
      const std::int64_t last = text[i + length - 1];
      if (is_token(last) && std::ranges::equal(text.subspan(i, length - 1), beginning)) at(last) = never;
    }
  }

  void forbid_bad_words() {
    for (const std::vector<std::int64_t>& word : settings_.bad_words_ids) {
      // transformers asks for a context as long as the whole word.
      if (word.size() > 1 && word.size() > tokens_.size()) continue;
      const Tokens beginning = Tokens(word).first(word.size() - 1);
      if (std::ranges::equal(tokens_.last(beginning.size()), beginning)) at(word.back()) = never;
    }
  }

  void forbid_all_but(TokenBits allowed) {
    for (std::size_t token = 0; token < logits_.size(); ++token) {
      const std::size_t word = token / 32;
      if (word >= allowed.size() || (allowed[word] >> (token % 32) & 1U) == 0) logits_[token] = never;
    }
  }

  void remove_invalid_values() {
    for (float& logit : logits_) {
      if (std::isnan(logit)) logit = 0;
      logit = std::clamp(logit, std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max());
    }
  }

  /// Generated tokens before the first that begin_suppress_tokens rules: one where the first is forced.
  std::int64_t first_free_place() const { return settings_.prompt_tokens > 1 || !settings_.forced_bos_token_id ? 0 : 1; }

  void filter() {
    if (settings_.temperature != 1) {
      const auto temperature = static_cast<float>(settings_.temperature);
      for (float& logit : logits_) logit /= temperature;
    }
    Candidates candidates(logits_, settings_.least_kept());
    if (settings_.top_k > 0) candidates.keep_top_k(settings_.top_k);
    if (settings_.top_p < 1) candidates.keep_top_p(settings_.top_p);
    if (settings_.min_p) candidates.keep_min_p(*settings_.min_p);
    if (settings_.typical_p < 1) candidates.keep_typical(settings_.typical_p);
  }

  const GenerationSettings& settings_;
  Tokens tokens_;
  Tokens encoder_tokens_;
  std::span<float> logits_;
};

}  // namespace

void process_logits(const GenerationSettings& settings, const TokenContext& context, std::span<float> logits, TokenBits allowed) {
  Row(settings, context, logits).process(allowed);
}

bool leaves_logits(const GenerationSettings& settings) {
  const GenerationSettings& s = settings;
  const bool penalizes = s.repetition_penalty != 1 || s.presence_penalty != 0 || s.frequency_penalty != 0 || !s.logit_bias.empty();
  const bool forbids = s.no_repeat_ngram_size != 0 || s.encoder_no_repeat_ngram_size != 0 || !s.bad_words_ids.empty() ||
                       !s.suppress_tokens.empty() || !s.begin_suppress_tokens.empty() || s.grammar.has_value();
  const bool forces = s.forced_bos_token_id.has_value() || !s.forced_eos_token_id.empty() || s.min_new_tokens > 0;
  return !s.do_sample && !penalizes && !forbids && !forces && !s.renormalize_logits && !s.remove_invalid_values;
}

}  // namespace accelerate

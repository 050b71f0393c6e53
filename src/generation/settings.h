// The options of one request once everything is decided: the caller's, then the model's, then the defaults.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ipfs_accelerate/generation.h"

namespace accelerate {

/// The languages in which one may say what a text must look like.
enum class GrammarLanguage : std::uint8_t { json_schema, regex, lark };

/// What a text must look like.
struct Grammar {
  GrammarLanguage language;
  std::string text;
};

/// What GenerationOptions say, each field decided and within its range.
struct GenerationSettings {
  std::int64_t prompt_tokens = 0;
  std::int64_t max_new_tokens = 1;
  std::int64_t min_new_tokens = 0;

  bool do_sample = false;
  double temperature = 1;
  std::int64_t top_k = 50;
  double top_p = 1;
  std::optional<double> min_p;
  double typical_p = 1;
  std::uint64_t seed = 0;
  std::int64_t num_beams = 1;
  double length_penalty = 1;
  EarlyStopping early_stopping = EarlyStopping::no;
  std::int64_t num_return_sequences = 1;
  bool renormalize_logits = false;
  bool remove_invalid_values = false;

  double repetition_penalty = 1;
  double presence_penalty = 0;
  double frequency_penalty = 0;
  std::int64_t no_repeat_ngram_size = 0;
  std::int64_t encoder_no_repeat_ngram_size = 0;
  std::vector<std::vector<std::int64_t>> bad_words_ids;  ///< without those that are one end token
  std::vector<std::pair<std::int64_t, double>> logit_bias;
  std::vector<std::int64_t> suppress_tokens;
  std::vector<std::int64_t> begin_suppress_tokens;
  std::optional<std::int64_t> forced_bos_token_id;
  std::vector<std::int64_t> forced_eos_token_id;

  std::vector<std::int64_t> eos_token_id;  ///< empty where they do not end the text
  std::vector<std::int64_t> stop_token_ids;
  std::vector<std::string> stop_strings;
  bool include_stop_string = false;

  std::optional<Grammar> grammar;
  std::optional<std::int64_t> logprobs;

  /// Tokens that a filter must leave: a beam search needs one that does not end the text.
  std::int64_t least_kept() const {
    return num_beams > 1 ? std::max<std::int64_t>(static_cast<std::int64_t>(eos_token_id.size()), 1) + 1 : 1;
  }
};

/// What is known of a request before its text is generated, in tokens.
struct RequestSizes {
  std::int64_t prompt_tokens = 0;  ///< of the sequence that grows: a decoder's beginning where there is an encoder too
  std::int64_t context_tokens = std::numeric_limits<std::int64_t>::max();  ///< that the model can read, prompt included
  std::int64_t vocabulary = std::numeric_limits<std::int64_t>::max();      ///< logits in a row
};

/// `options`, with the fields that are empty taken from `defaults`. A length that `options` give, in either form, takes the
/// place of both forms in `defaults`.
GenerationOptions merged(GenerationOptions options, const GenerationOptions& defaults);

/// Decides every field of `options`. Throws invalid_argument, naming field and value, for a value out of its range, a token
/// outside the vocabulary, options that exclude each other, and a prompt that leaves no room for a token.
GenerationSettings resolve(const GenerationOptions& options, const RequestSizes& sizes);

}  // namespace accelerate

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/json.h"

namespace accelerate {

struct SyntheticTokenizerOptions {
  std::string_view model_type;
  bool generates = false;                     ///< whether the model writes texts
  bool ends = false;                          ///< of a model that generates: whether what it reads has an end, and no beginning
  std::optional<std::int64_t> begin_id = {};  ///< of a model that generates
  std::optional<std::int64_t> end_id = {};
  std::int64_t vocabulary;
  std::int64_t pad_token_id;
  std::int64_t most_tokens;  ///< what the model has positions for
};

/// A tokenizer with a made-up vocabulary, for models with random weights.
struct SyntheticTokenizer {
  Json tokenizer;  ///< tokenizer.json
  Json settings;   ///< tokenizer_config.json
};

/// A WordPiece tokenizer that splits lower-cased words into letters and made-up syllables and has exactly `vocabulary`
/// tokens. Special tokens are BERT's, or RoBERTa's for its family; models that generate have a token at the beginning
/// and none at the end, or the reverse where what they read ends, at the ids that the options give, which may be one and the same. Throws
/// invalid_argument for a vocabulary that is too small to hold them and a letter.
SyntheticTokenizer synthetic_tokenizer(const SyntheticTokenizerOptions& options);

}  // namespace accelerate

// What a model folder says about its tokenizer beside tokenizer.json.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "processing/tokenizer_family.h"

namespace accelerate {

/// How a file told of a token.
enum class TokenSource : std::uint8_t {
  object,   ///< with all its fields
  text,     ///< by its text alone
  assumed,  ///< not at all: the tokenizer's class assumes it
};

/// A token on top of the model's vocabulary, with the fields of "added_tokens" in tokenizer.json.
struct AddedToken {
  std::string content;
  bool single_word = false;
  bool lstrip = false;
  bool rstrip = false;
  bool normalized = false;
  bool special = true;
  TokenSource source = TokenSource::object;
};

/// What tokenizer_config.json, special_tokens_map.json and added_tokens.json say of tokens and lengths.
struct TokenizerConfig {
  std::array<std::optional<std::string>, special_token_count> special_tokens;  ///< by SpecialToken
  std::vector<AddedToken> added_tokens;                                        ///< must be in the vocabulary, in this order
  bool has_further_special_tokens = false;                                     ///< whether the folder lists special tokens without a role
  std::string_view tokenizer_class;  ///< of the family: "BertTokenizer"; empty where it is unknown
  Side padding_side = Side::right;
  Side truncation_side = Side::right;
  std::optional<std::int64_t> model_max_length;  ///< tokens, special ones counted; none where the folder has no limit
  std::vector<std::string> model_input_names;

  /// Reads a model folder. All files may be missing: the family that config.json's model_type names then decides.
  /// special_tokens_map.json and added_tokens.json are heard unless tokenizer_config.json has "added_tokens_decoder", as in
  /// transformers. Throws invalid_file naming file and field.
  static TokenizerConfig read(const std::filesystem::path& folder);
};

}  // namespace accelerate

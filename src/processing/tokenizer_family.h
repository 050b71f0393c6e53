// What transformers' tokenizer classes assume where a model folder does not say.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace accelerate {

/// The tokens with a role of their own, in the order in which transformers lists them.
enum class SpecialToken : std::uint8_t { bos, eos, unk, sep, pad, cls, mask };

inline constexpr std::size_t special_token_count = 7;

/// The role's field in tokenizer_config.json: "bos_token", …
std::string_view field_of(SpecialToken token);

/// An end of a sequence: where padding goes, or tokens are dropped.
enum class Side : std::uint8_t { left, right };

/// The defaults of one tokenizer class.
struct TokenizerFamily {
  std::string_view tokenizer_class;                          ///< without "Fast": "BertTokenizer"
  std::span<const std::string_view> model_types;             ///< of config.json, whose tokenizers are of this class
  std::array<std::string_view, special_token_count> tokens;  ///< by SpecialToken; empty where there is none
  bool token_type_ids = false;                               ///< whether the model is told first and second text apart
  Side padding_side = Side::right;
};

/// The family of a tokenizer class ("BertTokenizerFast"), else of a `model_type` ("bert"); either may be empty. A family
/// without tokens when neither is known.
const TokenizerFamily& tokenizer_family(std::string_view tokenizer_class, std::string_view model_type);

}  // namespace accelerate

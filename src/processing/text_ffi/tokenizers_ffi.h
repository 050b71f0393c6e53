// Tokenizers, as text_ffi.h says how calls are made. A tokenizer never changes after it was opened, so threads may share one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "processing/text_ffi/text_ffi.h"

extern "C" {

struct tokenizers_ffi_tokenizer;

/// One text, or a pair where `second.data` is not null.
struct tokenizers_ffi_input {
  text_ffi_view first;
  text_ffi_view second;
};

enum : std::int32_t { tokenizers_ffi_longest_first = 0, tokenizers_ffi_only_first = 1, tokenizers_ffi_only_second = 2 };

struct tokenizers_ffi_options {
  bool add_special_tokens;
  bool character_offsets;    ///< offsets count Unicode characters, otherwise bytes
  bool truncate_left;        ///< tokens are dropped from the beginning, otherwise from the end
  std::int32_t strategy;     ///< which text of a pair loses tokens: one of the constants above
  std::size_t max_length;    ///< tokens that an input may have, special ones counted; SIZE_MAX: no limit
  std::size_t first_number;  ///< what messages call the first input
};

/// The tokens of all inputs, one after another: those of input i are [begins[i], begins[i + 1]) of the other arrays.
struct tokenizers_ffi_encodings {
  std::size_t inputs;
  const std::size_t* begins;      ///< inputs + 1 of them
  const std::uint8_t* truncated;  ///< one for each input: 1 where tokens were dropped
  const std::uint32_t* ids;
  const std::uint32_t* type_ids;
  const std::uint8_t* special;   ///< 1 for tokens that the post-processor added
  const std::int8_t* sequences;  ///< 0 for tokens of the first text, 1 of the second, -1 for added ones
  const std::size_t* offset_begins;
  const std::size_t* offset_ends;
  void* owner;
};

/// Opens the contents of a tokenizer.json; its padding and truncation are dropped. `added_tokens` is empty or a JSON list
/// of tokens, written as in "added_tokens" of that file and without ids: those that the file lacks are added. `subwords` is empty
/// or a JSON object of how text is cut into pieces that the file's model, one of whole words, looks up: "words" is "french" (by
/// Moses' rules, with "lowercase" or not) or "spaces"; "merges" are pairs, the first of which is merged first; "inner_mark" and
/// "last_mark" follow a piece in the vocabulary within its word and at its end.
char* tokenizers_ffi_open(text_ffi_view json, text_ffi_view added_tokens, text_ffi_view subwords, tokenizers_ffi_tokenizer** tokenizer);

/// Frees what tokenizers_ffi_open made; null is allowed.
void tokenizers_ffi_free(tokenizers_ffi_tokenizer* tokenizer);

/// Encodes `count` inputs on the calling thread.
char* tokenizers_ffi_encode(const tokenizers_ffi_tokenizer* tokenizer, const tokenizers_ffi_input* inputs, std::size_t count,
                            const tokenizers_ffi_options* options, tokenizers_ffi_encodings* encodings);

/// Frees what tokenizers_ffi_encode filled.
void tokenizers_ffi_free_encodings(tokenizers_ffi_encodings* encodings);

/// The text of `count` ids; fails at the first that is not in the vocabulary.
char* tokenizers_ffi_decode(const tokenizers_ffi_tokenizer* tokenizer, const std::uint32_t* ids, std::size_t count,
                            bool skip_special_tokens, text_ffi_string* text);

/// The token of an id, as it stands in the vocabulary.
char* tokenizers_ffi_token(const tokenizers_ffi_tokenizer* tokenizer, std::uint32_t id, text_ffi_string* token);

/// The id of a token, -1 when the vocabulary lacks it.
char* tokenizers_ffi_id(const tokenizers_ffi_tokenizer* tokenizer, text_ffi_view token, std::int64_t* id);

/// How many tokens the vocabulary has, added ones counted.
char* tokenizers_ffi_vocabulary_size(const tokenizers_ffi_tokenizer* tokenizer, std::size_t* size);

}  // extern "C"

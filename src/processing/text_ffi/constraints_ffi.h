// Constraints on tokens: JSON schemas, regular expressions and grammars, as text_ffi.h says how calls are made. Threads may
// share a vocabulary; a constraint belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "processing/text_ffi/text_ffi.h"

extern "C" {

struct tokenizers_ffi_tokenizer;
struct constraints_ffi_vocabulary;
struct constraints_ffi_constraint;

enum : std::int32_t { constraints_ffi_json_schema = 0, constraints_ffi_regex = 1, constraints_ffi_lark = 2 };

/// Prepares the tokens of a tokenizer, of which the `count` ids at `end_tokens`, at least one, end a text; `size` is the
/// largest id plus 1.
char* constraints_ffi_open(const tokenizers_ffi_tokenizer* tokenizer, const std::uint32_t* end_tokens, std::size_t count,
                           constraints_ffi_vocabulary** vocabulary, std::size_t* size);

/// Frees what constraints_ffi_open made; null is allowed.
void constraints_ffi_close(constraints_ffi_vocabulary* vocabulary);

/// Compiles a grammar, written in one of the languages above.
char* constraints_ffi_compile(const constraints_ffi_vocabulary* vocabulary, std::int32_t language, text_ffi_view grammar,
                              constraints_ffi_constraint** constraint);

/// Frees a constraint; null is allowed.
void constraints_ffi_free(constraints_ffi_constraint* constraint);

/// A constraint in the same state that goes on by itself.
char* constraints_ffi_copy(const constraints_ffi_constraint* constraint, constraints_ffi_constraint** copy);

/// Sets the bit of each token that may come next, 32 tokens in each of `words` words, the least bit first.
char* constraints_ffi_mask(constraints_ffi_constraint* constraint, std::uint32_t* bits, std::size_t words);

/// Goes on with a token; fails when the mask does not allow it.
char* constraints_ffi_accept(constraints_ffi_constraint* constraint, std::uint32_t token);

/// Whether the text may end here.
char* constraints_ffi_is_complete(constraints_ffi_constraint* constraint, bool* complete);

}  // extern "C"

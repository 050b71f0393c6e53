// The tokenizers that GGUF files hold, in the place of a tokenizer.json.
#pragma once

#include "formats/gguf/metadata.h"
#include "processing/vocabulary_tokenizer.h"

namespace accelerate {

/// A tokenizer, and what a tokenizer_config.json would say beside it.
struct GgufTokenizer {
  BuiltTokenizer built;
  TokenizerConfig config;
};

/// Whether the file has a tokenizer.
bool has_gguf_tokenizer(const gguf::Metadata& metadata);

/// Builds the tokenizer of "tokenizer.ggml.*": SentencePiece's BPE from tokens and scores ("llama"), or byte-level BPE from tokens
/// and merges ("gpt2") with the words of the pre-tokenizer that the file names. Control tokens and the user's are found in the
/// text before all else; texts get the tokens that add_bos_token and add_eos_token ask for. Throws unsupported for another kind or
/// pre-tokenizer, invalid_file naming the key and what is wrong with it.
GgufTokenizer build_gguf_tokenizer(const gguf::Metadata& metadata);

}  // namespace accelerate

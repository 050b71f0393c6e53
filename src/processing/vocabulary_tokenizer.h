// Tokenizers of model folders from before tokenizer.json, put together from their vocabulary files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "processing/tokenizer_config.h"

namespace accelerate {

/// A tokenizer as the text of a tokenizer.json.
struct BuiltTokenizer {
  std::string json;
  std::string subwords;                  ///< how text is cut before `json` looks its pieces up (tokenizers_ffi.h); empty: `json` says it
  std::vector<AddedToken> added_tokens;  ///< the tokens on top of the vocabulary, in this order, which `json` leaves out
  std::filesystem::path file;            ///< the vocabulary
};

/// The vocabulary file in `folder` from which a tokenizer could be built: vocab.txt, vocab.json or a SentencePiece model;
/// empty where there is none.
std::filesystem::path vocabulary_file(const std::filesystem::path& folder);

/// Builds the tokenizer that the class in `config` makes of the folder's vocabulary, as transformers 5 does: WordPiece from
/// vocab.txt, byte-level BPE from vocab.json and merges.txt, unigram or BPE from a SentencePiece model, FlauBERT's and PhoBERT's
/// BPE of characters, each with the class's normalisation and the fields of tokenizer_config.json that change it (docs/adr/0009). Throws
/// not_found without a vocabulary, unsupported for a class that is not known, invalid_file naming the file and what is wrong with it.
BuiltTokenizer build_tokenizer(const std::filesystem::path& folder, const TokenizerConfig& config);

}  // namespace accelerate

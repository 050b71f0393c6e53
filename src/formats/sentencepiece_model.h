#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace accelerate {

/// A piece of a SentencePiece vocabulary; its id is its place.
struct SentencePiece {
  enum class Kind : std::uint8_t { normal = 1, unknown, control, user_defined, unused, byte };

  std::string text;
  float score = 0;  ///< of unigram models: the logarithm of the piece's probability
  Kind kind = Kind::normal;
};

/// What a SentencePiece model file (spm.model, spiece.model, sentencepiece.bpe.model) holds.
struct SentencePieceModel {
  enum class Algorithm : std::uint8_t { unigram = 1, bpe, word, character };

  std::vector<SentencePiece> pieces;
  Algorithm algorithm = Algorithm::unigram;
  std::int64_t unknown_id = 0;
  bool byte_fallback = false;        ///< whether unknown characters become the pieces of their bytes
  std::string precompiled_charsmap;  ///< replacements of characters, in SentencePiece's own form; empty where there are none
};

/// Reads a model file: a protocol buffer (sentencepiece_model.proto of SentencePiece) of at most 4 million pieces. Throws
/// invalid_file, naming `source` and what is wrong: a vocabulary without pieces, a score that is not finite, a piece that is
/// empty or not UTF-8, or an unknown_id outside of the vocabulary among them.
SentencePieceModel parse_sentencepiece_model(std::span<const std::byte> bytes, const std::string& source);

}  // namespace accelerate

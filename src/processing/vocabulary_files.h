// The vocabulary files of tokenizers from before tokenizer.json, read into the "model" of one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "formats/sentencepiece_model.h"

namespace accelerate {

/// The ids of a vocabulary's tokens.
using TokenIds = std::map<std::string, std::int64_t, std::less<>>;

/// The "model" part of a tokenizer.json, and the ids of its tokens.
struct VocabularyModel {
  Json json;
  TokenIds ids;
};

/// The WordPiece model of a vocab.txt: a token a line, its id the number of the line, counted from 0. Throws not_found, or
/// invalid_file naming the line that is not UTF-8.
VocabularyModel read_wordpiece(const std::filesystem::path& file, std::string_view unknown_token);

/// The BPE model of a vocab.json, texts and ids, and a merges.txt, two tokens a line with a space between them, after a line
/// "#version". Throws not_found, or invalid_file naming the token or the line that is wrong.
VocabularyModel read_byte_bpe(const std::filesystem::path& vocabulary, const std::filesystem::path& merges);

/// The model that looks whole pieces up in a vocab.json, texts and ids. Throws as read_byte_bpe does.
VocabularyModel read_word_ids(const std::filesystem::path& vocabulary, std::string_view unknown_token);

/// The model that looks whole pieces up in a list of pieces and how often each occurred, a line each, whose ids follow those of
/// the tokens in `first`. Throws not_found, or invalid_file naming the line that is wrong.
VocabularyModel read_counted_words(const std::filesystem::path& file, std::span<const std::string> first, std::string_view unknown_token);

/// The pairs of a list of merges, two pieces and how often they met, a line each; pieces may be unknown to the vocabulary. A
/// JSON list. Throws not_found, or invalid_file naming the line that is wrong.
Json read_counted_merges(const std::filesystem::path& file);

/// Which of two pieces that could be made is made first: the one of the lower id, as transformers has it, or that of the higher
/// score, as SentencePiece and GGUF files have it.
enum class MergeOrder : std::uint8_t { by_id, by_score };

/// The unigram or BPE model of pieces in the order of their ids. `unknown_id` is that of the token for what no piece covers.
VocabularyModel sentencepiece_model(const SentencePieceModel& model, std::int64_t unknown_id, MergeOrder order = MergeOrder::by_id);

}  // namespace accelerate

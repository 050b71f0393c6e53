#include "processing/vocabulary_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <vector>

#include "base/file.h"
#include "base/utf8.h"
#include "ipfs_accelerate/error.h"
#include "processing/tokenizer_json.h"

namespace accelerate {
namespace {

using tokenizer_json::part;

constexpr std::size_t max_vocabulary_bytes = 256U << 20U;

/// Calls use(line, number from 1) for each line of a UTF-8 file; both "\n" and "\r\n" end one.
template <typename Use>
void for_each_line(const std::filesystem::path& file, const Use& use) {
  const std::string text = read_text_file(file, max_vocabulary_bytes);
  std::int64_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++number;
    if (!is_utf8(line))
      throw Error(ErrorKind::invalid_file, fmt::format("{}: line {} is {}, which is not UTF-8", file.string(), number, in_quotes(line)));
    use(line, number);
  }
}

Json json_of(const TokenIds& ids) {
  Json json = Json::object();
  for (const auto& [token, id] : ids) json.emplace(token, id);
  return json;
}

TokenIds read_token_ids(const std::filesystem::path& file) {
  const std::string source = file.string();
  const Json json = parse_json(read_text_file(file, max_vocabulary_bytes), source);
  if (!json.is_object())
    throw Error(ErrorKind::invalid_file, fmt::format("{}: is {}, expected an object of tokens and ids", source, excerpt(json)));
  TokenIds ids;
  for (const auto& [token, id] : json.items()) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max())
      throw Error(ErrorKind::invalid_file, fmt::format("{}: token {} is {}, expected an id", source, in_quotes(token), excerpt(id)));
    ids.emplace(token, id.get<std::int64_t>());
  }
  return ids;
}

Json read_merges(const std::filesystem::path& file, const TokenIds& ids) {
  Json merges = Json::array();
  for_each_line(file, [&](std::string_view line, std::int64_t number) {
    if (line.starts_with("#version")) return;
    const std::size_t space = line.find(' ');
    const auto refuse = [&](std::string_view expected) {
      throw Error(ErrorKind::invalid_file, fmt::format("{}: line {} is {}, expected {}", file.string(), number, in_quotes(line), expected));
    };
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
      refuse("two tokens and a space between them");
    const std::string left(line.substr(0, space));
    const std::string right(line.substr(space + 1));
    for (const std::string& token : {left, right, left + right})
      if (!ids.contains(token)) refuse(fmt::format("tokens of the vocabulary: {} is none", in_quotes(token)));
    merges.push_back({left, right});
  });
  return merges;
}

/// One way to make a piece of two others.
struct Merge {
  float rank;       // of the piece that it makes, the first least
  std::int64_t id;  // of that piece
  std::size_t left_length;
  std::size_t right_length;  // both in characters
  std::int64_t left;
  std::int64_t right;

  auto key() const { return std::tuple(rank, id, left_length, right_length, left, right); }
};

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// A SentencePiece model lists no merges: every two pieces that make up a third are one.
Json merges_of(const std::vector<SentencePiece>& pieces, const TokenIds& ids, MergeOrder order) {
  std::vector<Merge> merges;
  for (const auto& [text, id] : ids) {
    const std::size_t length = count_characters(text);
    const float rank = order == MergeOrder::by_id ? 0 : -pieces[static_cast<std::size_t>(id)].score;
    std::size_t left_length = 1;
    for (std::size_t split = 1; split < text.size(); ++split) {
      if ((static_cast<unsigned char>(text[split]) & 0xc0) == 0x80) continue;
      const auto left = ids.find(std::string_view(text).substr(0, split));
      const auto right = ids.find(std::string_view(text).substr(split));
      if (left != ids.end() && right != ids.end())
        merges.push_back({rank, id, left_length, length - left_length, left->second, right->second});
      ++left_length;
    }
  }
  std::ranges::sort(merges, {}, &Merge::key);
  Json list = Json::array();
  for (const Merge& merge : merges)
    list.push_back({pieces[static_cast<std::size_t>(merge.left)].text, pieces[static_cast<std::size_t>(merge.right)].text});
  return list;
}

}  // namespace

VocabularyModel read_wordpiece(const std::filesystem::path& file, std::string_view unknown_token) {
  VocabularyModel model;
  for_each_line(file, [&](std::string_view line, std::int64_t number) {
    model.ids.insert_or_assign(std::string(without_trailing_space(line)), number - 1);
  });
  if (model.ids.empty()) throw Error(ErrorKind::invalid_file, fmt::format("{}: is empty, expected a token a line", file.string()));
  model.json = part("WordPiece", {{"unk_token", unknown_token},
                                  {"continuing_subword_prefix", "##"},
                                  {"max_input_chars_per_word", 100},
                                  {"vocab", json_of(model.ids)}});
  return model;
}

VocabularyModel read_byte_bpe(const std::filesystem::path& vocabulary, const std::filesystem::path& merges) {
  VocabularyModel model;
  model.ids = read_token_ids(vocabulary);
  model.json = part("BPE", {{"dropout", nullptr},
                            {"unk_token", nullptr},
                            {"continuing_subword_prefix", ""},
                            {"end_of_word_suffix", ""},
                            {"fuse_unk", false},
                            {"byte_fallback", false},
                            {"merges", read_merges(merges, model.ids)},
                            {"vocab", json_of(model.ids)}});
  return model;
}

static VocabularyModel words_of(TokenIds ids, std::string_view unknown_token) {
  Json json = part("WordLevel", {{"unk_token", unknown_token}, {"vocab", json_of(ids)}});
  return {.json = std::move(json), .ids = std::move(ids)};
}

VocabularyModel read_word_ids(const std::filesystem::path& vocabulary, std::string_view unknown_token) {
  return words_of(read_token_ids(vocabulary), unknown_token);
}

VocabularyModel read_counted_words(const std::filesystem::path& file, std::span<const std::string> first, std::string_view unknown_token) {
  TokenIds ids;
  for (const std::string& token : first) ids.emplace(token, static_cast<std::int64_t>(ids.size()));
  for_each_line(file, [&](std::string_view line, std::int64_t number) {
    const std::string_view kept = without_trailing_space(line);
    const std::size_t space = kept.rfind(' ');
    if (space == std::string_view::npos)
      throw Error(ErrorKind::invalid_file,
                  fmt::format("{}: line {} is {}, expected a token, a space and a number", file.string(), number, in_quotes(line)));
    const auto next = static_cast<std::int64_t>(ids.size());
    ids.insert_or_assign(std::string(kept.substr(0, space)), next);
  });
  return words_of(std::move(ids), unknown_token);
}

Json read_counted_merges(const std::filesystem::path& file) {
  Json merges = Json::array();
  for_each_line(file, [&](std::string_view line, std::int64_t number) {
    const std::size_t left = line.find(' ');
    const std::size_t right = line.find(' ', std::min(left, line.size() - 1) + 1);
    if (left == std::string_view::npos || right == std::string_view::npos || line.find(' ', right + 1) != std::string_view::npos)
      throw Error(ErrorKind::invalid_file, fmt::format("{}: line {} is {}, expected two tokens and a number with spaces between them",
                                                       file.string(), number, in_quotes(line)));
    merges.push_back({line.substr(0, left), line.substr(left + 1, right - left - 1)});
  });
  return merges;
}

VocabularyModel sentencepiece_model(const SentencePieceModel& pieces, std::int64_t unknown_id, MergeOrder order) {
  VocabularyModel model;
  for (std::size_t id = 0; id < pieces.pieces.size(); ++id)
    model.ids.insert_or_assign(pieces.pieces[id].text, static_cast<std::int64_t>(id));
  if (pieces.algorithm == SentencePieceModel::Algorithm::bpe) {
    model.json = part("BPE", {{"dropout", nullptr},
                              {"unk_token", pieces.pieces[static_cast<std::size_t>(unknown_id)].text},
                              {"continuing_subword_prefix", nullptr},
                              {"end_of_word_suffix", nullptr},
                              {"fuse_unk", true},
                              {"byte_fallback", pieces.byte_fallback},
                              {"merges", merges_of(pieces.pieces, model.ids, order)},
                              {"vocab", json_of(model.ids)}});
    return model;
  }
  Json scores = Json::array();
  for (const SentencePiece& piece : pieces.pieces) scores.push_back({piece.text, static_cast<double>(piece.score)});
  model.json = part("Unigram", {{"unk_id", unknown_id}, {"byte_fallback", pieces.byte_fallback}, {"vocab", std::move(scores)}});
  return model;
}

}  // namespace accelerate

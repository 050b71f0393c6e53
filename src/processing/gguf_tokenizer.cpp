#include "processing/gguf_tokenizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>

#include "formats/sentencepiece_model.h"
#include "ipfs_accelerate/error.h"
#include "processing/tokenizer_json.h"
#include "processing/vocabulary_files.h"

namespace accelerate {
namespace {

using namespace tokenizer_json;

constexpr const char* model_key = "tokenizer.ggml.model";
constexpr const char* pre_key = "tokenizer.ggml.pre";
constexpr const char* tokens_key = "tokenizer.ggml.tokens";
constexpr const char* types_key = "tokenizer.ggml.token_type";
constexpr const char* scores_key = "tokenizer.ggml.scores";
constexpr const char* merges_key = "tokenizer.ggml.merges";

// By SpecialToken.
constexpr std::array<const char*, special_token_count> special_keys = {
    "tokenizer.ggml.bos_token_id",       "tokenizer.ggml.eos_token_id",     "tokenizer.ggml.unknown_token_id",
    "tokenizer.ggml.seperator_token_id", "tokenizer.ggml.padding_token_id", "tokenizer.ggml.cls_token_id",
    "tokenizer.ggml.mask_token_id"};

// The patterns of the tokenizer.json files that the names of pre-tokenizers stand for.
constexpr std::string_view gpt2_words = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view llama3_words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view qwen2_words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view tekken_words =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view gpt4o_words =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view bloom_words = R"( ?[^(\s|[.,!?…。，、।۔،])]+)";
constexpr std::string_view punctuation = R"([\p{P}\$\+<=>\^~\|]+)";
constexpr std::string_view digit = R"(\p{N})";

/// How byte-level BPE cuts text into words before it merges: at one pattern after another.
struct PreTokenizer {
  std::string_view name;
  std::array<std::string_view, 4> patterns;
  bool whole_words = false;  ///< words of the vocabulary are tokens, whatever the merges say
  bool begins = false;       ///< texts begin with a token of their own unless the file says otherwise
  bool composes = false;     ///< characters are composed first (NFC)
};

constexpr auto pre_tokenizers_by_name = std::to_array<PreTokenizer>({
    {"default", {punctuation, gpt2_words, R"(\p{N}+)", "[0-9][0-9][0-9]"}},
    {"gpt-2", {gpt2_words}},
    {"phi-2", {gpt2_words}},
    {"olmo", {gpt2_words}},
    {"mpt", {gpt2_words}},
    {"starcoder", {digit, gpt2_words}},
    {"refact", {digit, gpt2_words}},
    {"command-r", {digit, gpt2_words}},
    {"smollm", {digit, gpt2_words}},
    {"codeshell", {digit, gpt2_words}},
    {"llama-bpe", {llama3_words}, true, true},
    {"llama3", {llama3_words}, true, true},
    {"llama-v3", {llama3_words}, true, true},
    {"falcon3", {llama3_words}, true, true},
    {"smaug-bpe", {llama3_words}},
    {"dbrx", {llama3_words}},
    {"qwen2", {qwen2_words}, false, false, true},
    {"deepseek-r1-qwen", {qwen2_words}, false, false, true},
    {"stablelm2", {qwen2_words}},
    {"tekken", {tekken_words}, true, true},
    {"gpt-4o", {gpt4o_words}},
    {"llama4", {gpt4o_words}},
    {"bloom", {bloom_words}},
    {"gpt3-finnish", {bloom_words}},
    {"poro-chat", {bloom_words}},
});

/// The vocabulary of a file.
struct Vocabulary {
  std::vector<SentencePiece> pieces;
  std::array<std::optional<std::int64_t>, special_token_count> special;  // ids, by SpecialToken

  const std::string* text_of(SpecialToken role) const {
    const auto& id = special[static_cast<std::size_t>(role)];
    return id ? &pieces[static_cast<std::size_t>(*id)].text : nullptr;
  }
};

Vocabulary read_vocabulary(const gguf::Metadata& metadata) {
  Vocabulary vocabulary;
  for (const std::string_view text : metadata.texts(tokens_key)) vocabulary.pieces.push_back({.text = std::string(text)});
  const auto count = vocabulary.pieces.size();
  if (count == 0 || count > std::numeric_limits<std::int32_t>::max()) metadata.refuse(tokens_key, "at least one token");
  const auto expect_one_each = [&](const char* key, std::size_t found) {
    if (found != count) metadata.refuse(key, fmt::format("as many as there are tokens, {}", count));
  };
  if (metadata.has(types_key)) {
    const std::vector<std::int64_t> types = metadata.integers(types_key);
    expect_one_each(types_key, types.size());
    for (std::size_t i = 0; i < count; ++i) {
      if (types[i] < 0 || types[i] > 6) metadata.refuse(types_key, "types from 0 to 6");
      if (types[i] > 0) vocabulary.pieces[i].kind = static_cast<SentencePiece::Kind>(types[i]);
    }
  }
  if (metadata.has(scores_key)) {
    const std::vector<float> scores = metadata.numbers(scores_key);
    expect_one_each(scores_key, scores.size());
    for (std::size_t i = 0; i < count; ++i) vocabulary.pieces[i].score = scores[i];
  }
  for (std::size_t role = 0; role < special_token_count; ++role)
    vocabulary.special[role] = metadata.find_integer(special_keys[role], {.minimum = 0, .maximum = static_cast<std::int64_t>(count) - 1});
  return vocabulary;
}

TokenIds ids_of(const gguf::Metadata& metadata, const Vocabulary& vocabulary) {
  TokenIds ids;
  for (const SentencePiece& piece : vocabulary.pieces) {
    const auto [first, is_new] = ids.emplace(piece.text, static_cast<std::int64_t>(ids.size()));
    if (!is_new)
      metadata.refuse(tokens_key,
                      fmt::format("each text once: tokens {} and {} are both {}", first->second, ids.size(), in_quotes(piece.text)));
  }
  return ids;
}

TokenizerConfig config_of(const Vocabulary& vocabulary) {
  TokenizerConfig config;
  for (std::size_t role = 0; role < special_token_count; ++role)
    if (const std::string* text = vocabulary.text_of(static_cast<SpecialToken>(role))) config.special_tokens[role] = *text;
  for (const SentencePiece& piece : vocabulary.pieces) {
    const bool is_control = piece.kind == SentencePiece::Kind::control;
    if ((is_control || piece.kind == SentencePiece::Kind::user_defined) && !piece.text.empty())
      config.added_tokens.push_back({.content = piece.text, .special = is_control});
  }
  config.model_input_names = {"input_ids", "attention_mask"};
  return config;
}

/// The tokens that the file puts around each text.
Json processing_of(const gguf::Metadata& metadata, const Vocabulary& vocabulary, bool begins) {
  const auto wanted = [&](const char* key, bool otherwise, SpecialToken role) -> std::optional<TemplateToken> {
    const auto& id = vocabulary.special[static_cast<std::size_t>(role)];
    if (!metadata.find_boolean(key).value_or(otherwise) || !id) return std::nullopt;
    return TemplateToken{*vocabulary.text_of(role), *id};
  };
  const auto bos = wanted("tokenizer.ggml.add_bos_token", begins, SpecialToken::bos);
  const auto eos = wanted("tokenizer.ggml.add_eos_token", false, SpecialToken::eos);
  if (!bos && !eos) return nullptr;
  std::vector<TemplatePiece> single;
  std::vector<TemplatePiece> pair;
  for (const int text : {0, 1}) {
    if (bos) pair.push_back({bos->text, text});
    pair.push_back({text == 0 ? "$A" : "$B", text});
    if (eos) pair.push_back({eos->text, text});
    if (text == 0) single = pair;
  }
  std::vector<TemplateToken> tokens;
  for (const auto& token : {bos, eos})
    if (token) tokens.push_back(*token);
  return template_processing(single, pair, tokens);
}

std::string json_of(Json normalizer, Json pre_tokenizer, Json post_processor, Json decoder, Json model) {
  return Json{{"version", "1.0"},
              {"truncation", nullptr},
              {"padding", nullptr},
              {"added_tokens", Json::array()},
              {"normalizer", std::move(normalizer)},
              {"pre_tokenizer", std::move(pre_tokenizer)},
              {"post_processor", std::move(post_processor)},
              {"decoder", std::move(decoder)},
              {"model", std::move(model)}}
      .dump();
}

std::string byte_bpe_json(const gguf::Metadata& metadata, const Vocabulary& vocabulary) {
  const std::string_view name = metadata.find_text(pre_key).value_or("default");
  const auto pre = std::ranges::find(pre_tokenizers_by_name, name, &PreTokenizer::name);
  if (pre == pre_tokenizers_by_name.end()) {
    std::vector<std::string_view> known;
    std::ranges::transform(pre_tokenizers_by_name, std::back_inserter(known), &PreTokenizer::name);
    metadata.refuse(pre_key, fmt::format("one of {}", fmt::join(known, ", ")), ErrorKind::unsupported);
  }
  const TokenIds ids = ids_of(metadata, vocabulary);
  Json merges = Json::array();
  for (const std::string_view merge : metadata.texts(merges_key)) {
    const std::size_t space = merge.find(' ', 1);
    const auto is_token = [&](const std::string& text) { return ids.contains(text); };
    const std::string left(merge.substr(0, space));
    const std::string right(space == std::string_view::npos ? std::string_view() : merge.substr(space + 1));
    if (right.empty() || !is_token(left) || !is_token(right) || !is_token(left + right))
      metadata.refuse(merges_key, fmt::format("two tokens with a space between them that make a third each, not {}", in_quotes(merge)));
    merges.push_back({left, right});
  }
  Json vocab = Json::object();
  for (const auto& [text, id] : ids) vocab.emplace(text, id);
  std::vector<Json> steps;
  for (const std::string_view pattern : pre->patterns)
    if (!pattern.empty()) steps.push_back(part("Split", {{"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}}));
  const Json bytes = part("ByteLevel", {{"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}});
  steps.push_back(bytes);
  return json_of(pre->composes ? part("NFC") : Json(nullptr), pre_tokenizers(std::move(steps)),
                 processing_of(metadata, vocabulary, pre->begins), bytes,
                 part("BPE", {{"dropout", nullptr},
                              {"unk_token", nullptr},
                              {"continuing_subword_prefix", nullptr},
                              {"end_of_word_suffix", nullptr},
                              {"fuse_unk", false},
                              {"byte_fallback", false},
                              {"ignore_merges", pre->whole_words},
                              {"merges", std::move(merges)},
                              {"vocab", std::move(vocab)}}));
}

std::string sentencepiece_json(const gguf::Metadata& metadata, const Vocabulary& vocabulary) {
  if (!metadata.has(scores_key)) metadata.refuse(scores_key, "a list of finite numbers");
  ids_of(metadata, vocabulary);
  const std::int64_t unknown = vocabulary.special[static_cast<std::size_t>(SpecialToken::unk)].value_or(0);
  const bool has_bytes = std::ranges::find(vocabulary.pieces, SentencePiece::Kind::byte, &SentencePiece::kind) != vocabulary.pieces.end();
  const VocabularyModel model = sentencepiece_model({.pieces = vocabulary.pieces,
                                                     .algorithm = SentencePieceModel::Algorithm::bpe,
                                                     .unknown_id = unknown,
                                                     .byte_fallback = has_bytes,
                                                     .precompiled_charsmap = {}},
                                                    unknown, MergeOrder::by_score);
  const bool begins_with_space = metadata.find_boolean("tokenizer.ggml.add_space_prefix").value_or(true);
  std::vector<Json> normalizer;
  if (begins_with_space) normalizer.push_back(part("Prepend", {{"prepend", "▁"}}));
  normalizer.push_back(replace_text(" ", "▁"));
  Json decoders = Json::array({replace_text("▁", " "), part("ByteFallback"), part("Fuse")});
  if (begins_with_space) decoders.push_back(part("Strip", {{"content", " "}, {"start", 1}, {"stop", 0}}));
  return json_of(normalizers(std::move(normalizer)), nullptr, processing_of(metadata, vocabulary, true),
                 part("Sequence", {{"decoders", std::move(decoders)}}), model.json);
}

}  // namespace

bool has_gguf_tokenizer(const gguf::Metadata& metadata) { return metadata.has(tokens_key); }

GgufTokenizer build_gguf_tokenizer(const gguf::Metadata& metadata) {
  const std::string_view model = metadata.text(model_key);
  if (model != "llama" && model != "gpt2") metadata.refuse(model_key, "llama or gpt2", ErrorKind::unsupported);
  const Vocabulary vocabulary = read_vocabulary(metadata);
  GgufTokenizer result{.built = {}, .config = config_of(vocabulary)};
  result.built = {.json = model == "llama" ? sentencepiece_json(metadata, vocabulary) : byte_bpe_json(metadata, vocabulary),
                  .subwords = {},
                  .added_tokens = result.config.added_tokens,
                  .file = metadata.source()};
  return result;
}

}  // namespace accelerate

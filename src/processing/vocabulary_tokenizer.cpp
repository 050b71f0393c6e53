#include "processing/vocabulary_tokenizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/mapped_file.h"
#include "formats/config.h"
#include "formats/sentencepiece_model.h"
#include "ipfs_accelerate/error.h"
#include "processing/tokenizer_json.h"
#include "processing/vocabulary_files.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;
using namespace tokenizer_json;

constexpr std::string_view wordpiece_file = "vocab.txt";
constexpr std::string_view bpe_file = "vocab.json";
constexpr std::string_view merges_file = "merges.txt";
constexpr std::string_view codes_file = "bpe.codes";
constexpr auto sentencepiece_files =
    std::to_array<std::string_view>({"spm.model", "spiece.model", "sentencepiece.bpe.model", "sentencepiece.model", "tokenizer.model"});

Config read_fields(const fs::path& folder) {
  const fs::path file = folder / "tokenizer_config.json";
  return fs::exists(file) ? Config::read(file) : Config::parse("{}", file.string());
}

/// The tokenizer of one folder while it is put together.
class Builder {
 public:
  Builder(const fs::path& folder, const TokenizerConfig& config) : folder_(folder), config_(config), fields_(read_fields(folder)) {
    for (const AddedToken& token : config.added_tokens) add(token);
  }

  BuiltTokenizer finish(const VocabularyModel& model, Json normalizer, Json pre_tokenizer, Json post_processor, Json decoder) const {
    const Json json{{"version", "1.0"},
                    {"truncation", nullptr},
                    {"padding", nullptr},
                    {"added_tokens", Json::array()},
                    {"normalizer", std::move(normalizer)},
                    {"pre_tokenizer", std::move(pre_tokenizer)},
                    {"post_processor", std::move(post_processor)},
                    {"decoder", std::move(decoder)},
                    {"model", model.json}};
    return {.json = json.dump(), .subwords = {}, .added_tokens = added_, .file = file_};
  }

  /// The tokenizer of pieces that are cut as `subwords` says.
  BuiltTokenizer finish_subwords(const VocabularyModel& model, Json normalizer, const Json& subwords, Json post_processor,
                                 Json decoder) const {
    BuiltTokenizer built = finish(model, std::move(normalizer), nullptr, std::move(post_processor), std::move(decoder));
    built.subwords = subwords.dump();
    return built;
  }

  bool flag(std::string_view field, bool otherwise) const { return fields_.boolean_or(field, otherwise); }
  const Config& fields() const { return fields_; }

  /// The text of a special token. Throws where the folder says that there is none.
  const std::string& token(SpecialToken role) const {
    const std::optional<std::string>& text = config_.special_tokens[static_cast<std::size_t>(role)];
    if (!text) fields_.refuse(field_of(role), "a token");
    return *text;
  }

  /// The id of a special token, in the vocabulary or on top of it.
  TemplateToken token_in(const VocabularyModel& model, SpecialToken role) const {
    const std::string& text = token(role);
    if (const auto found = model.ids.find(text); found != model.ids.end()) return {text, found->second};
    auto id = static_cast<std::int64_t>(model.ids.size());
    for (const AddedToken& added : added_) {
      if (added.content == text) break;
      if (!model.ids.contains(added.content)) ++id;
    }
    return {text, id};
  }

  void add(const AddedToken& token) {
    if (std::ranges::find(added_, token.content, &AddedToken::content) == added_.end()) added_.push_back(token);
  }

  /// The mask takes the space before it, unless a file says more of it than its text.
  void let_mask_strip_space() {
    const std::optional<std::string>& mask = config_.special_tokens[static_cast<std::size_t>(SpecialToken::mask)];
    for (AddedToken& token : added_)
      if (token.source != TokenSource::object && mask && token.content == *mask) token.lstrip = true;
  }

  VocabularyModel wordpiece() {
    file_ = existing({wordpiece_file});
    return read_wordpiece(file_, token(SpecialToken::unk));
  }

  VocabularyModel byte_bpe() {
    file_ = existing({bpe_file});
    return read_byte_bpe(file_, existing({merges_file}));
  }

  /// FlauBERT's vocabulary, whose pieces end in "</w>" where a word ends, and the pairs that make it.
  std::pair<VocabularyModel, Json> words_and_merges() {
    file_ = existing({bpe_file});
    return {read_word_ids(file_, token(SpecialToken::unk)), read_counted_merges(existing({merges_file}))};
  }

  /// Blenderbot-small's, whose pieces end in "@@" where their word goes on.
  std::pair<VocabularyModel, Json> words_and_plain_merges() {
    file_ = existing({bpe_file});
    return {read_word_ids(file_, token(SpecialToken::unk)), read_plain_merges(existing({merges_file}))};
  }

  /// PhoBERT's, whose special tokens come before those of the file.
  std::pair<VocabularyModel, Json> counted_words_and_codes() {
    using enum SpecialToken;
    file_ = existing({wordpiece_file});
    const std::array first{token(bos), token(pad), token(eos), token(unk)};
    return {read_counted_words(file_, first, token(unk)), read_counted_merges(existing({codes_file}))};
  }

  /// Whether the folder lists special tokens without a role, in place of those that a class assumes.
  bool has_further_special_tokens() const { return config_.has_further_special_tokens; }

  /// The folder's SentencePiece model; its control symbols and user's symbols become added tokens.
  SentencePieceModel sentencepiece() {
    file_ = existing(sentencepiece_files);
    SentencePieceModel model = parse_sentencepiece_model(MappedFile::open(file_)->bytes(), file_.string());
    if (model.algorithm != SentencePieceModel::Algorithm::unigram && model.algorithm != SentencePieceModel::Algorithm::bpe)
      throw Error(ErrorKind::unsupported,
                  fmt::format("{}: splits into words or characters, expected a unigram or BPE model", file_.string()));
    return model;
  }

  void add_symbols(const SentencePieceModel& model) {
    if (config_.has_further_special_tokens) return;
    for (const SentencePiece& piece : model.pieces) {
      const bool is_control = piece.kind == SentencePiece::Kind::control;
      if (is_control || piece.kind == SentencePiece::Kind::user_defined) add({.content = piece.text, .special = is_control});
    }
  }

  /// Throws when the model has fewer pieces than the class takes for granted.
  void expect_pieces(const SentencePieceModel& model, std::size_t least) const {
    if (model.pieces.size() < least)
      throw Error(ErrorKind::invalid_file,
                  fmt::format("{}: has {} pieces, expected at least {}", file_.string(), model.pieces.size(), least));
  }

 private:
  fs::path existing(std::span<const std::string_view> names) const {
    for (const std::string_view name : names)
      if (fs::exists(folder_ / name)) return folder_ / name;
    throw Error(ErrorKind::not_found, fmt::format("{}: has no tokenizer.json, and no {}, of which {} is made", folder_.string(),
                                                  fmt::join(names, " or "), config_.tokenizer_class));
  }
  fs::path existing(std::initializer_list<std::string_view> names) const { return existing(std::span(names.begin(), names.size())); }

  const fs::path& folder_;
  const TokenizerConfig& config_;
  Config fields_;
  fs::path file_;
  std::vector<AddedToken> added_;
};

using enum SpecialToken;

/// "[CLS] A [SEP]" and "[CLS] A [SEP] B [SEP]", where the second text and what follows it are of type 1.
Json bert_processing(const TemplateToken& cls, const TemplateToken& sep) {
  return template_processing({{cls.text}, {"$A"}, {sep.text}}, {{cls.text}, {"$A"}, {sep.text}, {"$B", 1}, {sep.text, 1}}, {cls, sep});
}

/// "<s> A </s>" and "<s> A </s></s> B </s>", all of type 0.
Json doubled_processing(const TemplateToken& bos, const TemplateToken& eos) {
  return template_processing({{bos.text}, {"$A"}, {eos.text}}, {{bos.text}, {"$A"}, {eos.text}, {eos.text}, {"$B"}, {eos.text}},
                             {bos, eos});
}

BuiltTokenizer build_wordpiece(Builder& builder, bool is_mpnet) {
  if (is_mpnet) builder.let_mask_strip_space();
  const VocabularyModel model = builder.wordpiece();
  const TemplateToken cls_token = builder.token_in(model, cls);
  const TemplateToken sep_token = builder.token_in(model, sep);
  Json processing = bert_processing(cls_token, sep_token);
  if (is_mpnet)
    processing = template_processing({{cls_token.text}, {"$A"}, {sep_token.text}},
                                     {{cls_token.text}, {"$A"}, {sep_token.text}, {sep_token.text}, {"$B", 1}, {sep_token.text, 1}},
                                     {cls_token, sep_token});
  Json strip_accents = nullptr;  // as "lowercase" says
  if (builder.fields().has("strip_accents")) strip_accents = builder.fields().boolean("strip_accents");
  return builder.finish(model,
                        part("BertNormalizer", {{"clean_text", true},
                                                {"handle_chinese_chars", builder.flag("tokenize_chinese_chars", true)},
                                                {"strip_accents", strip_accents},
                                                {"lowercase", builder.flag("do_lower_case", true)}}),
                        part("BertPreTokenizer"), std::move(processing), part("WordPiece", {{"prefix", "##"}, {"cleanup", true}}));
}

BuiltTokenizer build_bert(Builder& builder) { return build_wordpiece(builder, false); }
BuiltTokenizer build_mpnet(Builder& builder) { return build_wordpiece(builder, true); }

Json byte_level(bool add_prefix_space) {
  return part("ByteLevel", {{"add_prefix_space", add_prefix_space}, {"trim_offsets", true}, {"use_regex", true}});
}

BuiltTokenizer finish_byte_bpe(const Builder& builder, const VocabularyModel& model, Json processing) {
  return builder.finish(model, nullptr, byte_level(builder.flag("add_prefix_space", false)), std::move(processing), byte_level(true));
}

BuiltTokenizer build_roberta(Builder& builder) {
  const VocabularyModel model = builder.byte_bpe();
  const TemplateToken cls_token = builder.token_in(model, cls);
  const TemplateToken sep_token = builder.token_in(model, sep);
  return finish_byte_bpe(builder, model,
                         part("RobertaProcessing", {{"sep", {sep_token.text, sep_token.id}},
                                                    {"cls", {cls_token.text, cls_token.id}},
                                                    {"trim_offsets", builder.flag("trim_offsets", true)},
                                                    {"add_prefix_space", builder.flag("add_prefix_space", false)}}));
}

BuiltTokenizer build_deberta(Builder& builder) {
  const VocabularyModel model = builder.byte_bpe();
  return finish_byte_bpe(builder, model, doubled_processing(builder.token_in(model, cls), builder.token_in(model, sep)));
}

BuiltTokenizer build_gpt2(Builder& builder) {
  const VocabularyModel model = builder.byte_bpe();
  const bool add_bos = builder.flag("add_bos_token", false);
  const bool add_eos = builder.flag("add_eos_token", false);
  std::vector<TemplatePiece> single;
  std::vector<TemplatePiece> pair;
  std::vector<TemplateToken> tokens;
  if (add_bos) tokens.push_back(builder.token_in(model, bos));
  if (add_eos) tokens.push_back(builder.token_in(model, eos));
  for (const int text : {0, 1}) {
    if (add_bos) pair.push_back({tokens.front().text, text});
    pair.push_back({text == 0 ? "$A" : "$B", text});
    if (add_eos) pair.push_back({tokens.back().text, text});
    if (text == 0) single = pair;
  }
  return finish_byte_bpe(builder, model, template_processing(single, pair, tokens));
}

/// How spaces become "▁" where the class puts one before the text.
std::string_view prepend_of(const Builder& builder) { return builder.flag("add_prefix_space", true) ? "always" : "never"; }

Json split_and_mark_spaces(std::string_view prepend) { return pre_tokenizers({part("WhitespaceSplit"), metaspace(prepend)}); }

BuiltTokenizer finish_sentencepiece(Builder& builder, const SentencePieceModel& pieces, const VocabularyModel& model, Json normalizer,
                                    Json pre_tokenizer, Json processing) {
  Json decoder = metaspace("always");
  if (pieces.byte_fallback) decoder = part("Sequence", {{"decoders", {part("ByteFallback"), decoder}}});
  return builder.finish(model, std::move(normalizer), std::move(pre_tokenizer), std::move(processing), std::move(decoder));
}

/// ALBERT's and XLNet's: quotes, accents and case, spaces.
Json quotes_accents_and_case(const Builder& builder, bool lower_case) {
  std::vector<Json> parts{replace_text("``", "\""), replace_text("''", "\"")};
  if (!builder.flag("keep_accents", false)) parts.insert(parts.end(), {part("NFKD"), part("StripAccents")});
  if (builder.flag("do_lower_case", lower_case)) parts.push_back(part("Lowercase"));
  parts.push_back(replace_regex(" {2,}", " "));
  return normalizers(std::move(parts));
}

BuiltTokenizer build_albert(Builder& builder) {
  const SentencePieceModel pieces = builder.sentencepiece();
  builder.expect_pieces(pieces, 2);
  builder.add_symbols(pieces);
  const VocabularyModel model = sentencepiece_model(pieces, 1);
  return finish_sentencepiece(builder, pieces, model, quotes_accents_and_case(builder, true), split_and_mark_spaces(prepend_of(builder)),
                              bert_processing(builder.token_in(model, cls), builder.token_in(model, sep)));
}

BuiltTokenizer build_xlnet(Builder& builder) {
  builder.let_mask_strip_space();
  const SentencePieceModel pieces = builder.sentencepiece();
  builder.add_symbols(pieces);
  const VocabularyModel model = sentencepiece_model(pieces, pieces.unknown_id);
  const TemplateToken sep_token = builder.token_in(model, sep);
  const TemplateToken cls_token = builder.token_in(model, cls);
  return finish_sentencepiece(
      builder, pieces, model, quotes_accents_and_case(builder, false), split_and_mark_spaces("always"),
      template_processing({{"$A"}, {sep_token.text}, {cls_token.text, 2}},
                          {{"$A"}, {sep_token.text}, {"$B", 1}, {sep_token.text, 1}, {cls_token.text, 2}}, {sep_token, cls_token}));
}

Json precompiled_of(const SentencePieceModel& pieces) {
  return pieces.precompiled_charsmap.empty() ? Json(nullptr) : precompiled(pieces.precompiled_charsmap);
}

/// The pieces behind others: XLM-R and CamemBERT keep the ids of fairseq, which puts its own special tokens first.
SentencePieceModel renumbered(SentencePieceModel model, std::vector<SentencePiece> first, std::size_t skipped, const std::string& last) {
  first.insert(first.end(), model.pieces.begin() + static_cast<std::ptrdiff_t>(skipped), model.pieces.end());
  first.push_back({.text = last});
  model.pieces = std::move(first);
  return model;
}

BuiltTokenizer build_xlm_roberta(Builder& builder) {
  SentencePieceModel pieces = builder.sentencepiece();
  builder.expect_pieces(pieces, 3);
  builder.add_symbols(pieces);
  pieces =
      renumbered(std::move(pieces),
                 {{.text = builder.token(bos)}, {.text = builder.token(pad)}, {.text = builder.token(eos)}, {.text = builder.token(unk)}},
                 3, builder.token(mask));
  const VocabularyModel model = sentencepiece_model(pieces, 3);
  return finish_sentencepiece(builder, pieces, model, precompiled_of(pieces), split_and_mark_spaces(prepend_of(builder)),
                              doubled_processing(builder.token_in(model, bos), builder.token_in(model, eos)));
}

constexpr std::string_view long_or_control_space = R"(\s{2,}|[\n\r\t])";

BuiltTokenizer build_camembert(Builder& builder) {
  builder.let_mask_strip_space();
  SentencePieceModel pieces = builder.sentencepiece();
  builder.add_symbols(pieces);
  pieces = renumbered(std::move(pieces),
                      {{.text = "<s>NOTUSED"},
                       {.text = builder.token(pad)},
                       {.text = "</s>NOTUSED"},
                       {.text = builder.token(unk)},
                       {.text = "<unk>NOTUSED", .score = -100}},
                      1, builder.token(mask));
  const VocabularyModel model = sentencepiece_model(pieces, 3);
  return finish_sentencepiece(
      builder, pieces, model,
      normalizers({replace_regex(long_or_control_space, " "), part("Strip", {{"strip_left", false}, {"strip_right", true}})}),
      metaspace(prepend_of(builder)), doubled_processing(builder.token_in(model, bos), builder.token_in(model, eos)));
}

BuiltTokenizer build_deberta_v2(Builder& builder) {
  const SentencePieceModel pieces = builder.sentencepiece();
  builder.add_symbols(pieces);
  const std::string& unknown = builder.token(unk);
  const auto named =
      std::ranges::find_if(pieces.pieces, [&](const SentencePiece& piece) { return piece.text == unknown && piece.score == 0; });
  const VocabularyModel model =
      sentencepiece_model(pieces, named == pieces.pieces.end() ? pieces.unknown_id : named - pieces.pieces.begin());
  std::vector<Json> steps;
  if (builder.flag("do_lower_case", false)) steps.push_back(part("Lowercase"));
  steps.insert(steps.end(),
               {replace_regex(long_or_control_space, " "), part("NFC"), part("Strip", {{"strip_left", false}, {"strip_right", true}})});
  std::vector<Json> splits;
  if (builder.flag("split_by_punct", false)) splits.push_back(part("Punctuation", {{"behavior", "Isolated"}}));
  splits.push_back(metaspace(builder.flag("add_prefix_space", true) ? "always" : "first"));
  return finish_sentencepiece(builder, pieces, model, normalizers(std::move(steps)), pre_tokenizers(std::move(splits)),
                              bert_processing(builder.token_in(model, cls), builder.token_in(model, sep)));
}

BuiltTokenizer build_t5(Builder& builder) {
  SentencePieceModel pieces = builder.sentencepiece();
  builder.expect_pieces(pieces, 3);
  builder.add_symbols(pieces);
  const std::int64_t extra_ids = builder.fields().integer_or("extra_ids", 100, {.minimum = 0, .maximum = 10'000});
  for (std::int64_t i = extra_ids; i-- > 0;) pieces.pieces.push_back({.text = fmt::format("<extra_id_{}>", i)});
  for (std::int64_t i = 0; i < extra_ids; ++i) builder.add({.content = fmt::format("<extra_id_{}>", i)});
  const VocabularyModel model = sentencepiece_model(pieces, 2);
  const TemplateToken end = builder.token_in(model, eos);
  return finish_sentencepiece(builder, pieces, model, precompiled_of(pieces), split_and_mark_spaces("always"),
                              template_processing({{"$A"}, {end.text}}, {{"$A"}, {end.text}, {"$B"}, {end.text}}, {end}));
}

/// The languages of mBART-50, of which mBART has the first 25 (Liu et al., 2020; Tang et al., 2020).
constexpr auto languages = std::to_array<std::string_view>(
    {"ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN", "it_IT", "ja_XX", "kk_KZ",
     "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN", "af_ZA",
     "az_AZ", "bn_IN", "fa_IR", "he_IL", "hr_HR", "id_ID", "ka_GE", "km_KH", "mk_MK", "ml_IN", "mn_MN", "mr_IN", "pl_PL",
     "ps_AF", "pt_XX", "sv_SE", "sw_KE", "ta_IN", "te_IN", "th_TH", "tl_XX", "uk_UA", "ur_PK", "xh_ZA", "gl_ES", "sl_SI"});
constexpr std::size_t first_languages = 25;

/// mBART's pieces: fairseq's special tokens, those of the model, the languages, the mask. Every text has the token of its language.
struct MbartParts {
  SentencePieceModel pieces;
  VocabularyModel model;
  TemplateToken end;
  TemplateToken language;
};

MbartParts mbart_parts(Builder& builder, std::size_t language_count) {
  builder.let_mask_strip_space();
  SentencePieceModel pieces = builder.sentencepiece();
  builder.expect_pieces(pieces, 3);
  builder.add_symbols(pieces);
  for (std::string_view language : std::span(languages).first(language_count)) {
    pieces.pieces.push_back({.text = std::string(language)});
    builder.add({.content = std::string(language)});
  }
  pieces =
      renumbered(std::move(pieces),
                 {{.text = builder.token(cls)}, {.text = builder.token(pad)}, {.text = builder.token(eos)}, {.text = builder.token(unk)}},
                 3, builder.token(mask));
  VocabularyModel model = sentencepiece_model(pieces, 3);
  const std::string language = builder.fields().text_or("src_lang", "en_XX");
  const auto id = model.ids.find(language);
  if (id == model.ids.end()) builder.fields().refuse("src_lang", "a language of the vocabulary, such as en_XX");
  const TemplateToken end = builder.token_in(model, eos);
  const TemplateToken own{id->first, id->second};  // of the model's, whose entries stay where they are when it moves
  return {.pieces = std::move(pieces), .model = std::move(model), .end = end, .language = own};
}

BuiltTokenizer build_mbart(Builder& builder) {
  const auto [pieces, model, end, language] = mbart_parts(builder, first_languages);
  return finish_sentencepiece(
      builder, pieces, model, nullptr, split_and_mark_spaces("always"),
      template_processing({{"$A"}, {end.text}, {language.text}}, {{"$A"}, {"$B"}, {end.text}, {language.text}}, {end, language}));
}

/// The model's own rules, and then one space for several.
Json rules_and_single_spaces(const SentencePieceModel& pieces) {
  std::vector<Json> steps;
  if (!pieces.precompiled_charsmap.empty()) steps.push_back(precompiled(pieces.precompiled_charsmap));
  steps.push_back(replace_regex(" {2,}", " "));
  return normalizers(std::move(steps));
}

BuiltTokenizer build_mbart50(Builder& builder) {
  const auto [pieces, model, end, language] = mbart_parts(builder, languages.size());
  return finish_sentencepiece(
      builder, pieces, model, rules_and_single_spaces(pieces), metaspace("always"),
      template_processing({{language.text}, {"$A"}, {end.text}}, {{language.text}, {"$A"}, {"$B"}, {end.text}}, {end, language}));
}

/// Pegasus' model has two tokens of its own before the pieces; its masks and unused tokens are put between them.
BuiltTokenizer build_pegasus(Builder& builder) {
  SentencePieceModel pieces = builder.sentencepiece();
  builder.expect_pieces(pieces, 3);
  builder.add_symbols(pieces);
  const std::int64_t offset = builder.fields().integer_or("offset", 103, {.minimum = 2, .maximum = 10'000});
  std::vector<SentencePiece> first{{.text = builder.token(pad)},
                                   {.text = builder.token(eos)},
                                   {.text = builder.fields().text_or("mask_token_sent", "<mask_1>")},
                                   {.text = builder.token(mask)}};
  for (std::int64_t i = 2; i < offset; ++i) first.push_back({.text = fmt::format("<unk_{}>", i), .score = -100});
  for (std::size_t i = 2; i < first.size(); ++i) builder.add({.content = first[i].text});
  const auto unknown = static_cast<std::int64_t>(first.size());
  first.insert(first.end(), pieces.pieces.begin() + 2, pieces.pieces.end());
  pieces.pieces = std::move(first);
  const VocabularyModel model = sentencepiece_model(pieces, unknown);
  const TemplateToken end = builder.token_in(model, eos);
  return finish_sentencepiece(builder, pieces, model, rules_and_single_spaces(pieces), metaspace("always"),
                              template_processing({{"$A"}, {end.text}}, {{"$A"}, {"$B"}, {end.text}}, {end}));
}

BuiltTokenizer build_blenderbot(Builder& builder) {
  builder.let_mask_strip_space();
  const VocabularyModel model = builder.byte_bpe();
  return builder.finish(model, nullptr, byte_level(builder.flag("add_prefix_space", true)),
                        template_processing({{"$A"}}, {{"$A"}, {"$B", 1}}, {}), byte_level(true));
}

BuiltTokenizer build_flaubert(Builder& builder) {
  for (int i = 0; i < 10 && !builder.has_further_special_tokens(); ++i) builder.add({.content = fmt::format("<special{}>", i)});
  const auto [model, merges] = builder.words_and_merges();
  const TemplateToken begin = builder.token_in(model, bos);
  const TemplateToken end = builder.token_in(model, sep);
  return builder.finish_subwords(
      model, nullptr,
      {{"words", "french"},
       {"lowercase", builder.flag("do_lowercase", false)},
       {"merges", merges},
       {"inner_mark", ""},
       {"last_mark", "</w>"}},
      template_processing({{begin.text}, {"$A"}, {end.text}}, {{begin.text}, {"$A"}, {end.text}, {"$B", 1}, {end.text, 1}}, {begin, end}),
      part("BPEDecoder", {{"suffix", "</w>"}}));
}

Json unfinished_words(const Json& merges) { return {{"words", "spaces"}, {"merges", merges}, {"inner_mark", "@@"}, {"last_mark", ""}}; }

/// Each piece with a space, and none within a word.
Json joined_words() {
  return part("Sequence", {{"decoders",
                            {replace_regex("(?<!@@)$", " "), replace_regex("@@$", ""), part("Fuse"),
                             part("Strip", {{"content", " "}, {"start", 0}, {"stop", 1}})}}});
}

BuiltTokenizer build_blenderbot_small(Builder& builder) {
  const auto [model, merges] = builder.words_and_plain_merges();
  std::vector<Json> parts;
  for (const std::string mark : {".", ",", "!", "?", "(", ")"}) parts.push_back(replace_text(mark, " " + mark));
  parts.push_back(replace_text("'", " ' "));
  parts.push_back(replace_regex(R"((?<=\S)\n)", " __newln__ "));
  // What Python's lower() does at the end of a word.
  parts.push_back(replace_regex(R"((?<=[\p{Lu}\p{Ll}\p{Lt}])Σ(?![\p{Lu}\p{Ll}\p{Lt}]))", "ς"));
  parts.push_back(part("Lowercase"));
  return builder.finish_subwords(model, normalizers(std::move(parts)), unfinished_words(merges),
                                 template_processing({{"$A"}}, {{"$A"}, {"$B", 1}}, {}), joined_words());
}

BuiltTokenizer build_phobert(Builder& builder) {
  const auto [model, merges] = builder.counted_words_and_codes();
  return builder.finish_subwords(model, nullptr, unfinished_words(merges),
                                 doubled_processing(builder.token_in(model, cls), builder.token_in(model, sep)), joined_words());
}

/// A tokenizer class of transformers that is made of vocabulary files.
struct Recipe {
  std::string_view tokenizer_class;
  BuiltTokenizer (*build)(Builder& builder);
};

constexpr auto recipes = std::to_array<Recipe>({
    {"BertTokenizer", build_bert},
    {"MPNetTokenizer", build_mpnet},
    {"RobertaTokenizer", build_roberta},
    {"DebertaTokenizer", build_deberta},
    {"GPT2Tokenizer", build_gpt2},
    {"AlbertTokenizer", build_albert},
    {"XLNetTokenizer", build_xlnet},
    {"XLMRobertaTokenizer", build_xlm_roberta},
    {"CamembertTokenizer", build_camembert},
    {"DebertaV2Tokenizer", build_deberta_v2},
    {"T5Tokenizer", build_t5},
    {"MBartTokenizer", build_mbart},
    {"MBart50Tokenizer", build_mbart50},
    {"PegasusTokenizer", build_pegasus},
    {"BlenderbotTokenizer", build_blenderbot},
    {"BlenderbotSmallTokenizer", build_blenderbot_small},
    {"FlaubertTokenizer", build_flaubert},
    {"PhobertTokenizer", build_phobert},
});

}  // namespace

fs::path vocabulary_file(const fs::path& folder) {
  std::vector<std::string_view> names{wordpiece_file, bpe_file};
  names.insert(names.end(), sentencepiece_files.begin(), sentencepiece_files.end());
  const auto found = std::ranges::find_if(names, [&](std::string_view name) { return fs::exists(folder / name); });
  return found == names.end() ? fs::path() : folder / *found;
}

BuiltTokenizer build_tokenizer(const fs::path& folder, const TokenizerConfig& config) {
  const fs::path file = vocabulary_file(folder);
  if (file.empty())
    throw Error(ErrorKind::not_found,
                fmt::format("{}: no tokenizer.json, and no vocab.txt, vocab.json or SentencePiece model in its place", folder.string()));
  const auto recipe = std::ranges::find(recipes, config.tokenizer_class, &Recipe::tokenizer_class);
  if (recipe == recipes.end()) {
    std::vector<std::string_view> known;
    std::ranges::transform(recipes, std::back_inserter(known), &Recipe::tokenizer_class);
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: no tokenizer.json beside it, and the tokenizer class is {}, expected one of {}", file.string(),
                            config.tokenizer_class.empty() ? "not known" : config.tokenizer_class, fmt::join(known, ", ")));
  }
  Builder builder(folder, config);
  return recipe->build(builder);
}

}  // namespace accelerate

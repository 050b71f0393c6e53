#include "tasks/synthetic_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

/// The special tokens, in the order of their ids where what is asked for allows it.
struct SpecialTokens {
  std::vector<std::string_view> by_id;
  std::string_view begin, end, padding, unknown;
  std::string_view mask = {};
  bool begins = true;        ///< whether a text has a begin token
  bool ends = true;          ///< whether a text has an end token
  bool second_end = false;   ///< whether the texts of a pair have two end tokens between them, as in RoBERTa
  bool second_type = false;  ///< whether the second text of a pair has token type 1, as in BERT
};

SpecialTokens bert_tokens() {
  return {.by_id = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"},
          .begin = "[CLS]",
          .end = "[SEP]",
          .padding = "[PAD]",
          .unknown = "[UNK]",
          .mask = "[MASK]",
          .second_type = true};
}

SpecialTokens roberta_tokens() {
  return {.by_id = {"<s>", "<pad>", "</s>", "<unk>", "<mask>"},
          .begin = "<s>",
          .end = "</s>",
          .padding = "<pad>",
          .unknown = "<unk>",
          .mask = "<mask>",
          .second_end = true};
}

/// Tokens that are to have one id are one.
SpecialTokens generator_tokens(const SyntheticTokenizerOptions& options) {
  SpecialTokens tokens{.by_id = {"<unk>", "</s>"},
                       .begin = "<s>",
                       .end = "</s>",
                       .padding = "<pad>",
                       .unknown = "<unk>",
                       .begins = !options.ends,
                       .ends = options.ends};
  if (options.begin_id && options.begin_id == options.end_id) tokens.begin = tokens.end;
  if (options.pad_token_id == options.end_id)
    tokens.padding = tokens.end;
  else if (options.pad_token_id == options.begin_id)
    tokens.padding = tokens.begin;
  for (std::string_view token : {tokens.begin, tokens.padding})
    if (std::ranges::find(tokens.by_id, token) == tokens.by_id.end()) tokens.by_id.push_back(token);
  return tokens;
}

bool speaks_as_roberta(std::string_view model_type) {
  return model_type == "roberta" || model_type == "xlm-roberta" || model_type == "camembert" || model_type == "mpnet" ||
         model_type == "longformer";
}

/// Pieces in the order in which a vocabulary takes them: letters at the beginning of a word and within it, digits, signs,
/// then two, three, … letters.
class Pieces {
 public:
  explicit Pieces(std::size_t count) : count_(count) {}

  std::vector<std::string> make() {
    const std::string letters = "abcdefghijklmnopqrstuvwxyz";
    add_all(letters, "");
    add_all(letters, "##");
    add_all("0123456789", "");
    add_all(".,;:!?'\"-()[]{}<>/\\@#$%^&*_+=~`|", "");
    add_all("0123456789", "##");
    std::vector<std::string> words;
    for (char c : letters) words.emplace_back(1, c);
    while (pieces_.size() < count_) words = add_longer(words, letters);
    return std::move(pieces_);
  }

 private:
  void add(std::string piece) {
    if (pieces_.size() < count_) pieces_.push_back(std::move(piece));
  }

  void add_all(std::string_view characters, std::string_view prefix) {
    for (char c : characters) add(fmt::format("{}{}", prefix, c));
  }

  std::vector<std::string> add_longer(const std::vector<std::string>& words, std::string_view letters) {
    std::vector<std::string> longer;
    for (const std::string& word : words) {
      for (char c : letters) {
        if (pieces_.size() >= count_) return longer;
        longer.push_back(word + c);
        add(longer.back());
        add("##" + longer.back());
      }
    }
    return longer;
  }

  std::size_t count_;
  std::vector<std::string> pieces_;
};

Json vocabulary_of(const SpecialTokens& special, const SyntheticTokenizerOptions& options) {
  const auto fewest = static_cast<std::int64_t>(special.by_id.size()) + 1;
  if (options.vocabulary < fewest)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("vocab_size is {}, expected at least {} for a tokenizer", options.vocabulary, fewest));
  std::vector<std::string> tokens(special.by_id.begin(), special.by_id.end());
  for (std::string& piece : Pieces(static_cast<std::size_t>(options.vocabulary) - tokens.size()).make()) tokens.push_back(std::move(piece));
  const auto place = [&](std::string_view token, std::string_view field, std::int64_t id) {
    if (id < 0 || id >= options.vocabulary)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("{} is {}, expected an id of the vocabulary of {}", field, id, options.vocabulary));
    std::swap(*std::ranges::find(tokens, token), tokens[static_cast<std::size_t>(id)]);
  };
  place(special.padding, "pad_token_id", options.pad_token_id);
  if (options.generates && options.begin_id) place(special.begin, "bos_token_id", *options.begin_id);
  if (options.generates && options.end_id) place(special.end, "eos_token_id", *options.end_id);

  Json vocabulary = Json::object();
  for (std::size_t id = 0; id < tokens.size(); ++id) vocabulary[tokens[id]] = id;
  return vocabulary;
}

Json special_piece(std::string_view token, int type) { return {{"SpecialToken", {{"id", token}, {"type_id", type}}}}; }
Json text_piece(std::string_view name, int type) { return {{"Sequence", {{"id", name}, {"type_id", type}}}}; }

Json post_processor(const SpecialTokens& special, const Json& vocabulary) {
  const int second = special.second_type ? 1 : 0;
  Json single = Json::array();
  if (special.begins) single.push_back(special_piece(special.begin, 0));
  single.push_back(text_piece("A", 0));
  if (special.ends) single.push_back(special_piece(special.end, 0));
  Json pair = single;
  if (special.second_end) pair.push_back(special_piece(special.end, 0));
  pair.push_back(text_piece("B", second));
  if (special.ends) pair.push_back(special_piece(special.end, second));
  Json tokens = Json::object();
  for (std::string_view token : {special.begin, special.end})
    tokens[std::string(token)] = {
        {"id", token}, {"ids", Json::array({vocabulary.at(std::string(token))})}, {"tokens", Json::array({token})}};
  return {{"type", "TemplateProcessing"}, {"single", std::move(single)}, {"pair", std::move(pair)}, {"special_tokens", std::move(tokens)}};
}

Json added_tokens(const SpecialTokens& special, const Json& vocabulary) {
  std::vector<Json> tokens;
  for (std::string_view token : special.by_id) {
    tokens.push_back({{"id", vocabulary.at(std::string(token))},
                      {"content", token},
                      {"single_word", false},
                      {"lstrip", token == special.mask},
                      {"rstrip", false},
                      {"normalized", false},
                      {"special", true}});
  }
  std::ranges::sort(tokens, {}, [](const Json& token) { return token.at("id").get<std::int64_t>(); });
  return tokens;
}

}  // namespace

SyntheticTokenizer synthetic_tokenizer(const SyntheticTokenizerOptions& options) {
  const SpecialTokens special = options.generates                       ? generator_tokens(options)
                                : speaks_as_roberta(options.model_type) ? roberta_tokens()
                                                                        : bert_tokens();
  Json vocabulary = vocabulary_of(special, options);
  SyntheticTokenizer result;
  result.tokenizer = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added_tokens(special, vocabulary)},
      {"normalizer",
       {{"type", "BertNormalizer"}, {"clean_text", true}, {"handle_chinese_chars", true}, {"strip_accents", nullptr}, {"lowercase", true}}},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"post_processor", post_processor(special, vocabulary)},
      {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
  };
  result.tokenizer["model"] = {{"type", "WordPiece"},
                               {"unk_token", special.unknown},
                               {"continuing_subword_prefix", "##"},
                               {"max_input_chars_per_word", 100},
                               {"vocab", std::move(vocabulary)}};
  result.settings = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                     {"model_max_length", options.most_tokens},
                     {"bos_token", special.begin},
                     {"eos_token", special.end},
                     {"pad_token", special.padding},
                     {"unk_token", special.unknown}};
  if (!options.generates) result.settings.update({{"cls_token", special.begin}, {"sep_token", special.end}, {"mask_token", special.mask}});
  return result;
}

}  // namespace accelerate

#include "processing/tokenizer_config.h"

#include <gtest/gtest.h>

#include "processing/fixtures.h"
#include "processing/tokenizer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

const std::string& special_token(const TokenizerConfig& config, SpecialToken token) {
  static const std::string none = "none";
  const auto& text = config.special_tokens[static_cast<std::size_t>(token)];
  return text ? *text : none;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += name + ' ';
  return text;
}

TEST(TokenizerConfig, TakesWhatTheFolderSaysAndElseItsFamilyDefaults) {
  const std::string with_types = "input_ids token_type_ids attention_mask ";
  const std::string without_types = "input_ids attention_mask ";
  const struct {
    const char* tokenizer_config;
    const char* special_tokens_map;
    const char* config;
    std::string pad;
    std::string mask;
    Side padding_side;
    std::optional<std::int64_t> max_length;
    std::string inputs;
  } cases[] = {
      {nullptr, nullptr, nullptr, "none", "none", Side::right, std::nullopt, without_types},
      {nullptr, nullptr, R"({"model_type": "bert"})", "[PAD]", "[MASK]", Side::right, std::nullopt, with_types},
      {R"({"model_max_length": 512})", nullptr, R"({"model_type": "roberta"})", "<pad>", "<mask>", Side::right, 512, without_types},
      {R"({"tokenizer_class": "BertTokenizerFast"})", nullptr, R"({"model_type": "roberta"})", "[PAD]", "[MASK]", Side::right, std::nullopt,
       with_types},
      {R"({"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "P"})", nullptr, R"({"model_type": "bert"})", "P", "[MASK]",
       Side::right, std::nullopt, with_types},
      {R"({"tokenizer_class": "XLNetTokenizer"})", nullptr, nullptr, "<pad>", "<mask>", Side::left, std::nullopt, without_types},
      {R"({"tokenizer_class": "BertTokenizer", "pad_token": null})", nullptr, nullptr, "none", "[MASK]", Side::right, std::nullopt,
       with_types},
      {R"({"padding_side": "left", "model_max_length": 1000000000000000019884624838656})", nullptr, nullptr, "none", "none", Side::left,
       std::nullopt, without_types},
      {R"({"model_input_names": ["input_ids"], "model_max_length": 77.0})", nullptr, nullptr, "none", "none", Side::right, 77,
       "input_ids "},
      {R"({"pad_token": {"content": "A", "lstrip": true}})", nullptr, nullptr, "A", "none", Side::right, std::nullopt, without_types},
      {R"({"pad_token": "A"})", R"({"pad_token": {"content": "B"}, "mask_token": "M"})", nullptr, "B", "M", Side::right, std::nullopt,
       without_types},
      {R"({"pad_token": "A", "added_tokens_decoder": {}})", R"({"pad_token": "B"})", nullptr, "A", "none", Side::right, std::nullopt,
       without_types},
  };
  for (const auto& expected : cases) {
    const TemporaryFolder folder;
    if (expected.tokenizer_config != nullptr) folder.write("tokenizer_config.json", expected.tokenizer_config);
    if (expected.special_tokens_map != nullptr) folder.write("special_tokens_map.json", expected.special_tokens_map);
    if (expected.config != nullptr) folder.write("config.json", expected.config);
    SCOPED_TRACE(expected.tokenizer_config != nullptr ? expected.tokenizer_config : "no tokenizer_config.json");
    const TokenizerConfig config = TokenizerConfig::read(folder.path());
    EXPECT_EQ(special_token(config, SpecialToken::pad), expected.pad);
    EXPECT_EQ(special_token(config, SpecialToken::mask), expected.mask);
    EXPECT_EQ(config.padding_side, expected.padding_side);
    EXPECT_EQ(config.model_max_length, expected.max_length);
    EXPECT_EQ(joined(config.model_input_names), expected.inputs);
  }
}

TEST(TokenizerConfig, NamesFileAndFieldOfWhatIsWrong) {
  const struct {
    const char* file;
    const char* text;
    const char* fragment;
  } cases[] = {
      {"tokenizer_config.json", "{", "tokenizer_config.json: not valid JSON"},
      {"tokenizer_config.json", "[]", "tokenizer_config.json: expected an object, not []"},
      {"special_tokens_map.json", "3", "special_tokens_map.json: expected an object, not 3"},
      {"config.json", R"({"model_type": 4})", "config.json: \"model_type\" is 4, expected a string"},
      {"tokenizer_config.json", R"({"tokenizer_class": []})", "\"tokenizer_class\" is [], expected a string"},
      {"tokenizer_config.json", R"({"padding_side": "up"})", "\"padding_side\" is \"up\", expected 'left' or 'right'"},
      {"tokenizer_config.json", R"({"truncation_side": 1})", "\"truncation_side\" is 1, expected a string"},
      {"tokenizer_config.json", R"({"model_max_length": 0})", "\"model_max_length\" is 0, expected a number of at least 1"},
      {"tokenizer_config.json", R"({"model_max_length": "512"})", "\"model_max_length\" is \"512\""},
      {"tokenizer_config.json", R"({"model_input_names": "input_ids"})",
       "\"model_input_names\" is \"input_ids\", expected a list of strings"},
      {"tokenizer_config.json", R"({"model_input_names": [1]})", "\"model_input_names\" is [1]"},
      {"tokenizer_config.json", R"({"pad_token": 0})", "\"pad_token\" is 0, expected a token"},
      {"tokenizer_config.json", R"({"pad_token": {"content": 1}})", "\"pad_token\" is {\"content\":1}, expected a token"},
      {"special_tokens_map.json", R"({"pad_token": {"content": "p", "lstrip": 1}})", "expected true or false for \"lstrip\""},
      {"tokenizer_config.json", R"({"added_tokens_decoder": []})", "\"added_tokens_decoder\" is [], expected an object"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"x": "t"}})", "expected token ids as keys"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"99999999999": "t"}})", "expected token ids as keys"},
      {"tokenizer_config.json", R"({"additional_special_tokens": "t"})", "\"additional_special_tokens\" is \"t\", expected a list"},
  };
  for (const auto& wrong : cases) {
    SCOPED_TRACE(wrong.text);
    const TemporaryFolder folder;
    folder.write(wrong.file, wrong.text);
    expect_error(ErrorKind::invalid_file, wrong.fragment, [&] { TokenizerConfig::read(folder.path()); });
  }
}

TEST(Tokenizer, AddsTheTokensThatOnlyTheConfigNames) {
  const TemporaryFolder folder;
  folder.write("tokenizer.json", fixture_text("wordpiece", "tokenizer.json"));
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "BertTokenizer", "additional_special_tokens": ["<extra>"],
                 "added_tokens_decoder": {"2": {"content": "[CLS]", "special": true}, "901": {"content": "Plain", "normalized": false}}})");
  const Tokenizer tokenizer = Tokenizer::load(folder.path());
  const std::int64_t size = Tokenizer::load(fixture_folder("wordpiece")).vocabulary_size();
  EXPECT_EQ(tokenizer.vocabulary_size(), size + 2);
  EXPECT_EQ(tokenizer.id_of("[CLS]"), 2);
  EXPECT_EQ(tokenizer.id_of("Plain"), size);
  EXPECT_EQ(tokenizer.id_of("<extra>"), size + 1);

  const TextInput input{.text = "<extra>Plain"};
  const Encodings got = tokenizer.encode({&input, 1});
  EXPECT_EQ(got.ids, (std::vector<std::int64_t>{2, size + 1, size, 3}));
  EXPECT_EQ(tokenizer.decode(got.ids), "Plain");
}

}  // namespace
}  // namespace accelerate

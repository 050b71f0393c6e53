#include "processing/gguf_tokenizer.h"

#include <gtest/gtest.h>

#include "formats/gguf/model.h"
#include "formats/gguf_bytes.h"
#include "processing/chat_template.h"
#include "processing/fixtures.h"
#include "processing/tokenizer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

class GgufVocabulary : public testing::TestWithParam<const char*> {};

TEST_P(GgufVocabulary, GivesTheIdsOfTheTokenizerThatItIsOf) {
  const std::string name = GetParam();
  const Json lines = fixture_json("gguf", "lines.json");
  const Json expected = fixture_json("gguf", name + ".json");
  ASSERT_EQ(lines.size(), expected.size());
  const Tokenizer tokenizer = Tokenizer::load(fixture_folder("gguf") / (name + ".gguf"));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const TextInput input{.text = lines[i].get_ref<const std::string&>()};
    EXPECT_EQ(tokenizer.encode({&input, 1}).ids, expected[i].get<std::vector<std::int64_t>>()) << i << ": " << lines[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Files, GgufVocabulary, testing::Values("llama", "gpt2", "qwen2", "llama3"),
                         [](const auto& file) { return std::string(file.param); });

TEST(GgufTokenizer, ReadsBackWhatItWrote) {
  const Tokenizer tokenizer = Tokenizer::load(fixture_folder("gguf") / "llama.gguf");
  const TextInput input{.text = "naïve  東京 \xF0\x9F\x99\x82\n"};
  const std::vector<std::int64_t> ids = tokenizer.encode({&input, 1}).ids;
  EXPECT_EQ(ids.front(), 1);
  EXPECT_EQ(tokenizer.decode(std::span(ids).subspan(1), true), input.text);
}

TEST(GgufTokenizer, IsThereWhereTheFileHasTokens) {
  EXPECT_TRUE(Tokenizer::is_in(fixture_folder("gguf") / "gpt2.gguf"));
  EXPECT_FALSE(Tokenizer::is_in(std::filesystem::path(ACCELERATE_TEST_DATA) / "formats/fixtures/gguf/blocks.gguf"));
}

/// A vocabulary that works, for a case to change.
GgufFile vocabulary(std::string_view model) {
  GgufFile file;
  file.text("tokenizer.ggml.model", model).texts("tokenizer.ggml.tokens", {"a", "b", "ab"});
  if (model == "gpt2") file.text("tokenizer.ggml.pre", "gpt-2").texts("tokenizer.ggml.merges", {"a b"});
  if (model == "llama") file.numbers<float>("tokenizer.ggml.scores", {-1, -2, -3});
  return file;
}

GgufTokenizer built(const GgufFile& file) {
  const std::string bytes = file.bytes();
  return build_gguf_tokenizer(gguf::parse_header(std::as_bytes(std::span(bytes)), "m.gguf").metadata);
}

/// The vocabulary without the pair of that key, and with what `add` adds.
GgufFile changed(std::string_view model, std::string_view key, const std::function<void(GgufFile&)>& add) {
  GgufFile file = vocabulary(model);
  std::erase_if(file.pairs, [&](const std::string& pair) { return pair.substr(8, key.size()) == key; });
  add(file);
  return file;
}

TEST(GgufTokenizer, RefusesWhatDoesNotFit) {
  struct Row {
    GgufFile file;
    ErrorKind kind;
    std::string message;
  };
  constexpr auto invalid = ErrorKind::invalid_file;
  constexpr auto nothing = [](GgufFile&) {};
  for (const Row& row : {
           Row{vocabulary("bert"), ErrorKind::unsupported, "m.gguf: 'tokenizer.ggml.model' is 'bert', expected llama or gpt2"},
           {changed("gpt2", "tokenizer.ggml.pre", [](GgufFile& file) { file.text("tokenizer.ggml.pre", "new"); }), ErrorKind::unsupported,
            "'tokenizer.ggml.pre' is 'new', expected one of default, gpt-2, "},
           {changed("gpt2", "tokenizer.ggml.merges", nothing), invalid, "'tokenizer.ggml.merges' is missing"},
           {changed("gpt2", "tokenizer.ggml.merges", [](GgufFile& file) { file.texts("tokenizer.ggml.merges", {"a c"}); }), invalid,
            "not 'a c'"},
           {changed("gpt2", "tokenizer.ggml.tokens", [](GgufFile& file) { file.texts("tokenizer.ggml.tokens", {"a", "b", "a"}); }), invalid,
            "expected each text once: tokens 0 and 2 are both 'a'"},
           {changed("gpt2", "tokenizer.ggml.tokens", [](GgufFile& file) { file.texts("tokenizer.ggml.tokens", {"a\xFF"}); }), invalid,
            "which is not UTF-8"},
           {changed("gpt2", "tokenizer.ggml.tokens", [](GgufFile& file) { file.texts("tokenizer.ggml.tokens", {}); }), invalid,
            "'tokenizer.ggml.tokens' is a list of 0, expected at least one token"},
           {changed("llama", "tokenizer.ggml.scores", nothing), invalid, "'tokenizer.ggml.scores' is missing"},
           {changed("llama", "tokenizer.ggml.scores", [](GgufFile& file) { file.numbers<float>("tokenizer.ggml.scores", {1}); }), invalid,
            "'tokenizer.ggml.scores' is a list of 1, expected as many as there are tokens, 3"},
           {vocabulary("llama").numbers<std::int32_t>("tokenizer.ggml.token_type", {1, 1, 9}), invalid, "expected types from 0 to 6"},
           {vocabulary("llama").integer("tokenizer.ggml.eos_token_id", 3), invalid,
            "'tokenizer.ggml.eos_token_id' is 3, expected a whole number from 0 to 2"},
       })
    expect_error(row.kind, row.message, [&] { built(row.file); });
  EXPECT_FALSE(built(vocabulary("llama")).built.json.empty());
  EXPECT_FALSE(built(vocabulary("gpt2")).built.json.empty());
}

TEST(GgufChatTemplate, IsThatOfTheFile) {
  const TemporaryFolder folder;
  const auto path =
      folder.write("m.gguf", GgufFile().text("tokenizer.chat_template", "{% for m in messages %}{{ m.content }};{% endfor %}").bytes());
  const ChatTemplates templates = ChatTemplates::load(path);
  EXPECT_FALSE(templates.empty());
  expect_error(ErrorKind::invalid_file, "tokenizer.chat_template",
               [&] { ChatTemplates::load(folder.write("b.gguf", GgufFile().text("tokenizer.chat_template", "{% for").bytes())); });
}

}  // namespace
}  // namespace accelerate

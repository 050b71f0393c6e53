// Folders that hold no tokenizer, or one that somebody damaged: each is refused in one line, or works.
#include <gtest/gtest.h>

#include "processing/fixtures.h"
#include "processing/tokenizer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

/// Loads `json` as a tokenizer and, when that works, uses it: all that may come of it is an Error in one line.
void expect_refused_or_usable(const TemporaryFolder& folder, std::string_view json) {
  folder.write("tokenizer.json", json);
  const TextInput inputs[] = {{.text = "The café \U0001F642 [MASK] sat"}, {.text = "", .pair = "pair of x"}};
  try {
    const Tokenizer tokenizer = Tokenizer::load(folder.path());
    const Encodings got = tokenizer.encode(inputs, {.max_length = 6});
    ASSERT_EQ(got.inputs(), 2);
    ASSERT_EQ(got.begins.back(), got.tokens());
    ASSERT_EQ(got.offsets.size(), got.ids.size());
    tokenizer.decode(got.ids, false);
  } catch (const Error& error) {
    EXPECT_TRUE(error.kind() == ErrorKind::invalid_file || error.kind() == ErrorKind::invalid_argument) << error.what();
    EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos) << error.what();
  }
}

/// Pointers to the values of `json`, of which vocabularies and other long containers give their first members only.
void collect(const Json& json, const Json::json_pointer& at, std::vector<Json::json_pointer>& pointers) {
  pointers.push_back(at);
  std::size_t left = json.size() > 16 ? 3 : json.size();
  if (json.is_object()) {
    for (auto member = json.begin(); member != json.end() && left > 0; ++member, --left) collect(*member, at / member.key(), pointers);
  } else if (json.is_array()) {
    for (std::size_t i = 0; i < json.size() && left > 0; ++i, --left) collect(json[i], at / i, pointers);
  }
}

TEST(BrokenTokenizer, IsRefusedByNameOfTheFile) {
  const struct {
    const char* json;
    const char* fragment;
  } cases[] = {
      {"{", "EOF while parsing"},
      {"not JSON", "expected"},
      {"[]", "tokenizer.json: "},
      {"{}", "tokenizer.json: "},
      {"\xff\xfe", "tokenizer.json: "},
      {R"({"version": "2.0"})", "Unknown tokenizer version '2.0'"},
      {R"({"version": "1.0", "model": {"type": "WordPiece", "vocab": 3}})", "tokenizer.json: "},
      {R"({"version": "1.0", "model": {"type": "Unigram", "unk_id": 9, "vocab": [["a", 0.0]]}})", "tokenizer.json: "},
      {R"({"version": "1.0", "model": {"type": "Unigram", "unk_id": 0, "vocab": []}})", "tokenizer.json: "},
      {R"({"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}})", "tokenizer.json: "},
      {R"({"version": "1.0", "model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})", "tokenizer.json: "},
      {R"({"version": "1.0", "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Removed", "invert": false},
           "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}})",
       "tokenizer.json: "},
  };
  for (const auto& wrong : cases) {
    SCOPED_TRACE(wrong.json);
    const TemporaryFolder folder;
    folder.write("tokenizer.json", wrong.json);
    expect_error(ErrorKind::invalid_file, wrong.fragment, [&] { Tokenizer::load(folder.path()); });
  }
}

TEST(BrokenTokenizer, IsMissing) {
  const TemporaryFolder folder;
  expect_error(ErrorKind::not_found, folder.path().string() + ": no tokenizer.json, and no vocab.txt, vocab.json or SentencePiece model",
               [&] { Tokenizer::load(folder.path()); });
  expect_error(ErrorKind::not_found, "no such model folder", [&] { Tokenizer::load(folder.path() / "absent"); });
  folder.write("tokenizer.json", "");
  expect_error(ErrorKind::invalid_file, "tokenizer.json", [&] { Tokenizer::load(folder.path()); });
  std::filesystem::remove(folder.path() / "tokenizer.json");
  std::filesystem::create_directory(folder.path() / "tokenizer.json");
  expect_error(ErrorKind::invalid_file, "tokenizer.json", [&] { Tokenizer::load(folder.path()); });
}

class DamagedTokenizer : public testing::TestWithParam<const char*> {
 protected:
  const TemporaryFolder folder_;
};

TEST_P(DamagedTokenizer, CutOff) {
  const std::string whole = fixture_text(GetParam(), "tokenizer.json");
  for (std::size_t length = 1; length + 2 < whole.size(); length += 1 + whole.size() / 60) {
    folder_.write("tokenizer.json", whole.substr(0, length));
    expect_error(ErrorKind::invalid_file, "tokenizer.json: ", [&] { Tokenizer::load(folder_.path()); });
  }
}

TEST_P(DamagedTokenizer, AnyValueOfAnotherKindOrMissing) {
  const Json whole = fixture_json(GetParam(), "tokenizer.json");
  std::vector<Json::json_pointer> pointers;
  collect(whole, Json::json_pointer(), pointers);
  ASSERT_GT(pointers.size(), 50U);
  const Json values[] = {nullptr, -1, 4294967295U, 1e300, "", "a\nb", true, Json::array(), Json::object()};
  for (const Json::json_pointer& pointer : pointers) {
    SCOPED_TRACE(pointer.to_string());
    for (const Json& value : values) {
      Json damaged = whole;
      damaged[pointer] = value;
      expect_refused_or_usable(folder_, damaged.dump());
    }
    if (pointer.empty()) continue;
    Json lacking = whole;
    Json& parent = lacking[pointer.parent_pointer()];
    if (parent.is_object()) parent.erase(pointer.back());
    if (parent.is_array()) parent.erase(std::stoul(pointer.back()));
    expect_refused_or_usable(folder_, lacking.dump());
  }
}

TEST_P(DamagedTokenizer, AnyByteFlipped) {
  const std::string whole = fixture_text(GetParam(), "tokenizer.json");
  for (std::size_t at = 0; at < whole.size(); at += 1 + whole.size() / 200) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    SCOPED_TRACE(at);
    expect_refused_or_usable(folder_, damaged);
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, DamagedTokenizer, testing::Values("wordpiece", "byte_bpe", "unigram"),
                         [](const auto& tokenizer) { return std::string(tokenizer.param); });

TEST(HostileTokenizer, IsRefusedOrUsable) {
  const std::string model = R"("model": {"type": "WordLevel", "vocab": {"a": 0, "b": 4294967295}, "unk_token": "a"})";
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"type": "Sequence", "normalizers": [)";
  const std::string cases[] = {
      "{" + model + "}",
      "{" + model + R"(, "added_tokens": [{"id": 4294967295, "content": "", "single_word": false, "lstrip": false, "rstrip": false,
                         "normalized": true, "special": true}]})",
      "{" + model + R"(, "normalizer": )" + deep,
      "{" + model + R"(, "normalizer": {"type": "Precompiled", "precompiled_charsmap": "/////w=="}})",
      "{" + model + R"(, "normalizer": {"type": "Precompiled", "precompiled_charsmap": ""}})",
      "{" + model + R"(, "normalizer": {"type": "Replace", "pattern": {"Regex": ""}, "content": "aaaa"}})",
      "{" + model + R"(, "pre_tokenizer": {"type": "Split", "pattern": {"String": ""}, "behavior": "Isolated", "invert": false}})",
      "{" + model + R"(, "pre_tokenizer": {"type": "FixedLength", "length": 0}})",
      "{" + model + R"(, "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "X", "type_id": 0}}],
                         "pair": [], "special_tokens": {}}})",
      "{" + model + R"(, "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B", "type_id": 0}}],
                         "pair": [{"Sequence": {"id": "A", "type_id": 7}}], "special_tokens": {}}})",
      "{" + model + R"(, "decoder": {"type": "Strip", "content": "a", "start": 4000000000, "stop": 4000000000}})",
      R"({"model": {"type": "BPE", "cache_capacity": 18446744073709551615, "vocab": {"a": 0, "b": 0}, "merges": []}})",
      R"({"model": {"type": "BPE", "dropout": 7.0, "vocab": {"a": 0}, "merges": []}})",
      R"({"model": {"type": "BPE", "unk_token": "missing", "vocab": {"a": 0}, "merges": []}})",
      R"({"model": {"type": "WordPiece", "unk_token": "missing", "max_input_chars_per_word": 0, "continuing_subword_prefix": "", "vocab": {}}})",
  };
  const TemporaryFolder folder;
  for (const std::string& json : cases) {
    SCOPED_TRACE(json.substr(0, 300));
    expect_refused_or_usable(folder, json);
  }
}

}  // namespace
}  // namespace accelerate

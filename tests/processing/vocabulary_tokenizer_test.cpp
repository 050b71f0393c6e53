#include "processing/vocabulary_tokenizer.h"

#include <gtest/gtest.h>

#include "processing/fixtures.h"
#include "processing/tokenizer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

constexpr const char* folders[] = {
    "bert",  "bert_cased", "bert_accents", "bert_lacking", "mpnet",           "roberta",   "longformer",     "deberta",
    "gpt2",  "gpt2_begin", "albert",       "xlnet",        "xlm_roberta",     "camembert", "deberta_v2",     "deberta_v2_lower",
    "t5",    "t5_few",     "t5_bytes",     "t5_bpe",       "t5_bpe_bytes",    "flaubert",  "flaubert_lower", "phobert",
    "mbart", "mbart50",    "pegasus",      "blenderbot",   "blenderbot_small"};

std::string name_of(const std::string& folder) { return "vocabularies/" + folder; }

class Vocabulary : public testing::TestWithParam<const char*> {};

TEST_P(Vocabulary, GivesTheIdsThatTransformersGives) {
  const Json lines = fixture_json("vocabularies", "lines.json");
  const Json expected = fixture_json(name_of(GetParam()), "expected.json");
  ASSERT_EQ(lines.size(), expected.size());
  const Tokenizer tokenizer = Tokenizer::load(fixture_folder(name_of(GetParam())));
  int compared = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (expected[i].is_null()) continue;
    TextInput input{.text = lines[i].get_ref<const std::string&>()};
    const bool is_pair = expected[i].contains("type_ids");
    if (is_pair) input.pair = lines[i - 1].get_ref<const std::string&>();
    const Encodings got = tokenizer.encode({&input, 1});
    EXPECT_EQ(got.ids, expected[i]["ids"].get<std::vector<std::int64_t>>()) << i << ": " << lines[i];
    if (is_pair) {
      EXPECT_EQ(got.type_ids, expected[i]["type_ids"].get<std::vector<std::int64_t>>()) << i;
    }
    ++compared;
  }
  EXPECT_GE(compared, 450);
}

INSTANTIATE_TEST_SUITE_P(Folders, Vocabulary, testing::ValuesIn(folders), [](const auto& folder) { return std::string(folder.param); });

TEST(VocabularyTokenizer, IsLoadedOnlyWithoutATokenizerJson) {
  const TemporaryFolder folder;
  EXPECT_FALSE(Tokenizer::is_in(folder.path()));
  folder.write("config.json", R"({"model_type": "bert"})");
  folder.write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\n");
  EXPECT_TRUE(Tokenizer::is_in(folder.path()));
  EXPECT_EQ(Tokenizer::load(folder.path()).id_of("a"), 3);
  folder.write("tokenizer.json", fixture_text("wordpiece", "tokenizer.json"));
  EXPECT_EQ(Tokenizer::load(folder.path()).id_of("[CLS]"), 2);
}

TEST(VocabularyTokenizer, TakesLinesAsTheyEnd) {
  const TemporaryFolder folder;
  folder.write("config.json", R"({"model_type": "bert"})");
  folder.write("vocab.txt", "[UNK]\r\n[CLS] \n[SEP]\u3000\nb\n\nb\nc");
  const Tokenizer tokenizer = Tokenizer::load(folder.path());
  EXPECT_EQ(tokenizer.id_of("[CLS]"), 1);
  EXPECT_EQ(tokenizer.id_of("[SEP]"), 2);
  EXPECT_EQ(tokenizer.id_of("b"), 5) << "the last of two equal lines counts";
  EXPECT_EQ(tokenizer.id_of("c"), 6);
}

std::string config_of(const std::string& model_type) { return R"({"model_type": ")" + model_type + "\"}"; }

/// What each token of the text covers of it.
std::vector<std::string> covered(const Tokenizer& tokenizer, const std::string& text) {
  const TextInput input{.text = text};
  const Encodings got = tokenizer.encode({&input, 1}, {.add_special_tokens = false});
  std::vector<std::string> parts;
  for (const TextSpan& span : got.offsets)
    parts.push_back(text.substr(static_cast<std::size_t>(span.begin), static_cast<std::size_t>(span.end - span.begin)));
  return parts;
}

TEST(VocabularyTokenizer, OffsetsPointIntoTheTextAsItWasGiven) {
  const TemporaryFolder folder;
  folder.write("config.json", config_of("flaubert"));
  folder.write("vocab.json", R"({"<s>": 0, "</s>": 1, "<unk>": 2, "<special1>": 3})");
  folder.write("merges.txt", "l '</w> 9\né té</w> 8\nt é</w> 7\n");
  const Tokenizer tokenizer = Tokenizer::load(folder.path());
  EXPECT_EQ(covered(tokenizer, "  L’été <special1>l’été…"),
            (std::vector<std::string>{"L", "’", "été", "<special1>", "l’", "été", "…", "…", "…"}));
}

TEST(VocabularyTokenizer, DecodesPiecesToWords) {
  const Tokenizer flaubert = Tokenizer::load(fixture_folder(name_of("flaubert")));
  const Tokenizer phobert = Tokenizer::load(fixture_folder(name_of("phobert")));
  const Tokenizer blenderbot_small = Tokenizer::load(fixture_folder(name_of("blenderbot_small")));
  for (const Tokenizer* tokenizer : {&flaubert, &phobert}) {
    const TextInput input{.text = "Privet the fox"};
    EXPECT_EQ(tokenizer->decode(tokenizer->encode({&input, 1}).ids), "Privet the fox");
  }
  const TextInput input{.text = "Fox,\tBEAR"};
  EXPECT_EQ(blenderbot_small.decode(blenderbot_small.encode({&input, 1}).ids), "fox , bear");
}

struct Broken {
  const char* what;
  std::vector<std::pair<const char*, std::string>> files;
  ErrorKind kind;
  const char* fragment;
};

const std::string piece_a(
    "\x0a\x08\x0a\x01"
    "a\x15\0\0\x80\xbf",
    10);  // "a" with the score -1

TEST(VocabularyTokenizer, WhatIsWrongIsNamed) {
  const Broken cases[] = {
      {"no vocabulary",
       {{"config.json", config_of("bert")}},
       ErrorKind::not_found,
       "no tokenizer.json, and no vocab.txt, vocab.json or SentencePiece model in its place"},
      {"no class",
       {{"vocab.txt", "a\n"}},
       ErrorKind::unsupported,
       "vocab.txt: no tokenizer.json beside it, and the tokenizer class is not known, expected one of BertTokenizer, MPNetTokenizer"},
      {"a class that comes with tokenizer.json",
       {{"config.json", config_of("qwen2")}, {"vocab.json", "{}"}, {"merges.txt", ""}},
       ErrorKind::unsupported,
       "vocab.json: no tokenizer.json beside it, and the tokenizer class is Qwen2Tokenizer, expected one of"},
      {"another vocabulary",
       {{"config.json", config_of("bert")}, {"vocab.json", "{}"}},
       ErrorKind::not_found,
       "has no tokenizer.json, and no vocab.txt, of which BertTokenizer is made"},
      {"no merges", {{"config.json", config_of("roberta")}, {"vocab.json", "{}"}}, ErrorKind::not_found, "and no merges.txt, of which"},
      {"a merge of one piece",
       {{"config.json", config_of("blenderbot-small")}, {"vocab.json", R"({"__unk__": 0})"}, {"merges.txt", "#version\na b\nab\n"}},
       ErrorKind::invalid_file,
       "merges.txt: line 3 is 'ab', expected two tokens and a space between them"},
      {"no SentencePiece model",
       {{"config.json", config_of("albert")}, {"vocab.txt", "a"}},
       ErrorKind::not_found,
       "and no spm.model or spiece.model or sentencepiece.bpe.model"},
      {"empty",
       {{"config.json", config_of("bert")}, {"vocab.txt", ""}},
       ErrorKind::invalid_file,
       "vocab.txt: is empty, expected a token a line"},
      {"not UTF-8", {{"config.json", config_of("bert")}, {"vocab.txt", "a\nb\xff\n"}}, ErrorKind::invalid_file, "vocab.txt: line 2 is 'b"},
      {"a token denied",
       {{"config.json", config_of("bert")}, {"vocab.txt", "[UNK]\n"}, {"tokenizer_config.json", R"({"cls_token": null})"}},
       ErrorKind::invalid_file,
       "tokenizer_config.json: 'cls_token' is "},
      {"a wrong flag",
       {{"config.json", config_of("bert")}, {"vocab.txt", "[UNK]\n"}, {"tokenizer_config.json", R"({"do_lower_case": 1})"}},
       ErrorKind::invalid_file,
       "tokenizer_config.json: 'do_lower_case' is 1"},
      {"wrong added tokens",
       {{"config.json", config_of("bert")}, {"vocab.txt", "[UNK]\n"}, {"added_tokens.json", R"({"a": "b"})"}},
       ErrorKind::invalid_file,
       "added_tokens.json: \"a\" is \"b\", expected a token's id"},
      {"vocabulary of a list",
       {{"config.json", config_of("roberta")}, {"vocab.json", "[]"}, {"merges.txt", ""}},
       ErrorKind::invalid_file,
       "vocab.json: is [], expected an object of tokens and ids"},
      {"vocabulary that is none",
       {{"config.json", config_of("roberta")}, {"vocab.json", "{"}, {"merges.txt", ""}},
       ErrorKind::invalid_file,
       "vocab.json: not valid JSON"},
      {"negative id",
       {{"config.json", config_of("roberta")}, {"vocab.json", R"({"a": -1})"}, {"merges.txt", ""}},
       ErrorKind::invalid_file,
       "vocab.json: token 'a' is -1, expected an id"},
      {"merge of three",
       {{"config.json", config_of("roberta")}, {"vocab.json", R"({"a": 0})"}, {"merges.txt", "#version: 0.2\na a a\n"}},
       ErrorKind::invalid_file,
       "merges.txt: line 2 is 'a a a', expected two tokens and a space between them"},
      {"merge of one",
       {{"config.json", config_of("roberta")}, {"vocab.json", R"({"a": 0})"}, {"merges.txt", "a\n"}},
       ErrorKind::invalid_file,
       "merges.txt: line 1 is 'a', expected two tokens"},
      {"unknown merge",
       {{"config.json", config_of("roberta")}, {"vocab.json", R"({"a": 0, "b": 1})"}, {"merges.txt", "a b\n"}},
       ErrorKind::invalid_file,
       "merges.txt: line 1 is 'a b', expected tokens of the vocabulary: 'ab' is none"},
      {"merge without a count",
       {{"config.json", config_of("flaubert")}, {"vocab.json", R"({"<unk>": 0})"}, {"merges.txt", "a b 3\nc d\n"}},
       ErrorKind::invalid_file,
       "merges.txt: line 2 is 'c d', expected two tokens and a number with spaces between them"},
      {"empty merge",
       {{"config.json", config_of("flaubert")}, {"vocab.json", R"({"<unk>": 0})"}, {"merges.txt", "\n"}},
       ErrorKind::invalid_file,
       "merges.txt: line 1 is '', expected two tokens"},
      {"word without a count",
       {{"tokenizer_config.json", R"({"tokenizer_class": "PhobertTokenizer"})"}, {"vocab.txt", "a 3\nb\n"}, {"bpe.codes", ""}},
       ErrorKind::invalid_file,
       "vocab.txt: line 2 is 'b', expected a token, a space and a number"},
      {"no pieces",
       {{"config.json", config_of("albert")}, {"spiece.model", std::string("\x1a\0", 2)}},
       ErrorKind::invalid_file,
       "spiece.model: has no pieces: not a SentencePiece model?"},
      {"another file", {{"config.json", config_of("albert")}, {"spiece.model", "hello world"}}, ErrorKind::invalid_file, "spiece.model: "},
      {"few pieces",
       {{"config.json", config_of("xlm-roberta")}, {"sentencepiece.bpe.model", piece_a}},
       ErrorKind::invalid_file,
       "sentencepiece.bpe.model: has 1 pieces, expected at least 3"},
      {"a model of words",
       {{"config.json", config_of("albert")}, {"spiece.model", piece_a + "\x12\x02\x18\x03"}},
       ErrorKind::unsupported,
       "splits into words or characters, expected a unigram or BPE model"},
      {"a wrong charsmap",
       {{"config.json", config_of("xlm-roberta")},
        {"sentencepiece.bpe.model", piece_a + piece_a + piece_a + piece_a + "\x1a\x05\x12\x03xyz"}},
       ErrorKind::invalid_file,
       "sentencepiece.bpe.model: "},
  };
  for (const Broken& broken : cases) {
    SCOPED_TRACE(broken.what);
    const TemporaryFolder folder;
    for (const auto& [name, text] : broken.files) folder.write(name, text);
    expect_error(broken.kind, broken.fragment, [&] { Tokenizer::load(folder.path()); });
  }
}

}  // namespace
}  // namespace accelerate

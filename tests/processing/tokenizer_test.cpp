#include "processing/tokenizer.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/thread_pool.h"
#include "processing/fixtures.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

TextInput input_of(const Json& expected) {
  TextInput input{.text = expected["text"].get_ref<const std::string&>()};
  if (expected.contains("pair")) input.pair = expected["pair"].get_ref<const std::string&>();
  return input;
}

EncodeOptions options_of(const Json& expected) {
  const std::string strategy = expected.value("strategy", "longest_first");
  EncodeOptions options{.add_special_tokens = expected.value("add_special_tokens", true),
                        .truncation = strategy == "only_first"    ? TruncationStrategy::only_first
                                      : strategy == "only_second" ? TruncationStrategy::only_second
                                                                  : TruncationStrategy::longest_first,
                        .truncation_side = expected.value("side", "right") == "left" ? Side::left : Side::right};
  if (expected.contains("max_length")) options.max_length = expected["max_length"].get<std::int64_t>();
  return options;
}

std::vector<std::int64_t> ends_of(const std::vector<TextSpan>& spans) {
  std::vector<std::int64_t> ends;
  for (const TextSpan& span : spans) ends.insert(ends.end(), {span.begin, span.end});
  return ends;
}

class EveryTokenizer : public testing::TestWithParam<const char*> {
 protected:
  const Tokenizer tokenizer_ = Tokenizer::load(fixture_folder(GetParam()));
  const Json expected_ = fixture_json(GetParam(), "expected.json");

  /// Inputs that share the default options.
  std::vector<TextInput> plain_inputs() const {
    std::vector<TextInput> inputs;
    for (const Json& expected : expected_) {
      if (!expected.contains("max_length") && !expected.contains("add_special_tokens")) inputs.push_back(input_of(expected));
    }
    return inputs;
  }
};

TEST_P(EveryTokenizer, EncodesAsPythonDoes) {
  for (const Json& expected : expected_) {
    SCOPED_TRACE(expected.dump());
    const TextInput input = input_of(expected);
    EncodeOptions options = options_of(expected);
    if (expected.contains("fails")) {
      const auto encode = [&] { tokenizer_.encode({&input, 1}, options); };
      expect_error(ErrorKind::invalid_argument, expected["fails"].get<std::string>(), encode);
      expect_error(ErrorKind::invalid_argument, "text 0: ", encode);
      continue;
    }
    const Encodings got = tokenizer_.encode({&input, 1}, options);
    EXPECT_EQ(Json(got.ids), expected["ids"]);
    EXPECT_EQ(Json(got.type_ids), expected["type_ids"]);
    EXPECT_EQ(Json(got.special), expected["special"]);
    EXPECT_EQ(Json(got.texts), expected["texts"]);
    EXPECT_EQ(Json(ends_of(got.offsets)), expected["bytes"]);
    EXPECT_EQ(got.truncated.at(0) != 0, expected["truncated"].get<bool>());
    options.offset_unit = OffsetUnit::characters;
    EXPECT_EQ(Json(ends_of(tokenizer_.encode({&input, 1}, options).offsets)), expected["characters"]);
  }
}

TEST_P(EveryTokenizer, DecodesAsPythonDoes) {
  for (const Json& expected : expected_) {
    if (expected.contains("fails")) continue;
    SCOPED_TRACE(expected.dump());
    const auto ids = expected["ids"].get<std::vector<std::int64_t>>();
    EXPECT_EQ(tokenizer_.decode(ids), expected["decoded"].get<std::string>());
    EXPECT_EQ(tokenizer_.decode(ids, false), expected["decoded_with_special"].get<std::string>());
  }
}

TEST_P(EveryTokenizer, GivesABatchAsItsInputsOneByOne) {
  const std::vector<TextInput> inputs = plain_inputs();
  const Encodings batch = tokenizer_.encode(inputs);
  ASSERT_EQ(batch.inputs(), static_cast<std::int64_t>(inputs.size()));
  Encodings joined;
  for (const TextInput& input : inputs) {
    const Encodings one = tokenizer_.encode({&input, 1});
    joined.ids.insert(joined.ids.end(), one.ids.begin(), one.ids.end());
    joined.begins.push_back(joined.tokens());
    EXPECT_LE(one.tokens(), batch.longest());
  }
  EXPECT_EQ(batch.ids, joined.ids);
  EXPECT_EQ(batch.begins, joined.begins);
}

TEST_P(EveryTokenizer, GivesTheSameWithHelpingThreads) {
  std::vector<TextInput> inputs;
  while (inputs.size() < 200) {
    const std::vector<TextInput> more = plain_inputs();
    inputs.insert(inputs.end(), more.begin(), more.end());
  }
  ThreadPool pool(3);
  const Encodings alone = tokenizer_.encode(inputs);
  const Encodings helped = tokenizer_.encode(inputs, {.pool = &pool});
  EXPECT_EQ(alone.ids, helped.ids);
  EXPECT_EQ(alone.begins, helped.begins);
  EXPECT_EQ(alone.offsets, helped.offsets);

  inputs[150].text = "broken \xff";
  expect_error(ErrorKind::invalid_argument, "text 150: not UTF-8 at byte 7", [&] { tokenizer_.encode(inputs, {.pool = &pool}); });
}

TEST_P(EveryTokenizer, IsSharedByThreads) {
  const std::vector<TextInput> inputs = plain_inputs();
  const Encodings alone = tokenizer_.encode(inputs);
  std::vector<Encodings> results(4);
  std::vector<std::thread> threads;
  for (Encodings& result : results) threads.emplace_back([&] { result = tokenizer_.encode(inputs); });
  for (std::thread& thread : threads) thread.join();
  for (const Encodings& result : results) EXPECT_EQ(result.ids, alone.ids);
}

TEST_P(EveryTokenizer, NamesEveryTokenOfItsVocabulary) {
  for (std::int64_t id = 0; id < tokenizer_.vocabulary_size(); ++id) EXPECT_EQ(tokenizer_.id_of(tokenizer_.token_of(id)), id);
  EXPECT_EQ(tokenizer_.id_of("no such token"), std::nullopt);
  EXPECT_EQ(tokenizer_.id_of("\xff"), std::nullopt);
}

TEST_P(EveryTokenizer, RefusesIdsOutsideItsVocabulary) {
  const std::int64_t size = tokenizer_.vocabulary_size();
  for (const std::int64_t id : {size, std::int64_t{-1}, std::int64_t{1} << 40, std::numeric_limits<std::int64_t>::min()}) {
    const std::string fragment = "token id " + std::to_string(id) + " is not in the vocabulary of " + std::to_string(size);
    expect_error(ErrorKind::invalid_argument, fragment, [&] { tokenizer_.decode(std::vector<std::int64_t>{0, id}); });
    expect_error(ErrorKind::invalid_argument, fragment, [&] { tokenizer_.token_of(id); });
  }
}

TEST_P(EveryTokenizer, EncodesNothing) {
  const Encodings none = tokenizer_.encode({});
  EXPECT_EQ(none.inputs(), 0);
  EXPECT_EQ(none.tokens(), 0);
  EXPECT_EQ(none.begins, std::vector<std::int64_t>{0});
  EXPECT_EQ(tokenizer_.decode({}), "");
}

INSTANTIATE_TEST_SUITE_P(Fixtures, EveryTokenizer, testing::Values("wordpiece", "byte_bpe", "unigram"),
                         [](const auto& tokenizer) { return std::string(tokenizer.param); });

TEST(Tokenizer, NamesTheByteThatIsNotUtf8) {
  const Tokenizer tokenizer = Tokenizer::load(fixture_folder("wordpiece"));
  const struct {
    std::string_view text;
    std::string_view fragment;
  } cases[] = {
      {"\x80", "at byte 0"}, {"abc\xc3", "at byte 3"}, {"caf\xc3\xa9 \xed\xa0\x80", "at byte 6"}, {"\xf8\x88\x80\x80", "at byte 0"}};
  for (const auto& wrong : cases) {
    const TextInput inputs[] = {{.text = "fine"}, {.text = wrong.text}};
    expect_error(ErrorKind::invalid_argument, std::string("text 1: not UTF-8 ").append(wrong.fragment), [&] { tokenizer.encode(inputs); });
    const TextInput pair{.text = "fine", .pair = wrong.text};
    expect_error(ErrorKind::invalid_argument, std::string("second of the pair: not UTF-8 ").append(wrong.fragment),
                 [&] { tokenizer.encode({&pair, 1}); });
  }
}

TEST(Tokenizer, RefusesLengthsWithoutRoom) {
  const Tokenizer tokenizer = Tokenizer::load(fixture_folder("wordpiece"));
  const TextInput single{.text = "the cat"};
  const TextInput pair{.text = "the cat", .pair = "sat"};
  expect_error(ErrorKind::invalid_argument, "max_length is 0", [&] { tokenizer.encode({&single, 1}, {.max_length = 0}); });
  expect_error(ErrorKind::invalid_argument, "a maximum of 1 tokens leaves no room for 2 special tokens",
               [&] { tokenizer.encode({&single, 1}, {.max_length = 1}); });
  expect_error(ErrorKind::invalid_argument, "leaves no room for 3 special tokens",
               [&] { tokenizer.encode({&pair, 1}, {.max_length = 2}); });
  expect_error(ErrorKind::invalid_argument, "Second sequence not provided",
               [&] { tokenizer.encode({&single, 1}, {.max_length = 3, .truncation = TruncationStrategy::only_second}); });
  EXPECT_EQ(tokenizer.encode({&single, 1}, {.max_length = 2}).ids, (std::vector<std::int64_t>{2, 3}));
}

TEST(Tokenizer, TakesAnEmptyTextWithoutAnAddress) {
  const Tokenizer tokenizer = Tokenizer::load(fixture_folder("wordpiece"));
  const TextInput inputs[] = {{.text = {}}, {.text = {}, .pair = std::string_view{}}};
  EXPECT_EQ(tokenizer.encode(inputs).ids, (std::vector<std::int64_t>{2, 3, 2, 3, 3}));
}

TEST(Tokenizer, MovesLikeAValue) {
  Tokenizer tokenizer = Tokenizer::load(fixture_folder("wordpiece"));
  Tokenizer other = Tokenizer::load(fixture_folder("unigram"));
  other = std::move(tokenizer);
  EXPECT_EQ(other.id_of("[CLS]"), 2);
  EXPECT_EQ(other.id_of(SpecialToken::cls), 2);
  EXPECT_EQ(other.id_of(SpecialToken::bos), std::nullopt);
}

}  // namespace
}  // namespace accelerate

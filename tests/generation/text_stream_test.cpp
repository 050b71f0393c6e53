#include "generation/text_stream.h"

#include <gtest/gtest.h>

#include "base/utf8.h"
#include "generation/fixtures.h"
#include "processing/fixtures.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

using Tokens = std::vector<std::int64_t>;

Tokens tokens_of(const Tokenizer& tokenizer, std::string_view text) {
  const TextInput input{.text = text};
  return tokenizer.encode({&input, 1}, {.add_special_tokens = false}).ids;
}

constexpr const char* texts[] = {"Hello, world!", "你好，世界 🙂 e\u0301 naïve ½ \U0001F468\u200D\U0001F469", "  two  spaces ", "a\nb\tc",
                                 ""};

class EveryDetokenizer : public testing::TestWithParam<const char*> {
 protected:
  const Tokenizer tokenizer_ = Tokenizer::load(fixture_folder(GetParam()));
};

TEST_P(EveryDetokenizer, GivesTheWholeTextInWholeCharacters) {
  for (const char* text : texts) {
    const Tokens tokens = tokens_of(tokenizer_, text);
    Detokenizer detokenizer(tokenizer_, {});
    std::string shown;
    for (const std::int64_t token : tokens) {
      const std::string piece = detokenizer.push(token);
      EXPECT_TRUE(is_utf8(piece)) << text;
      shown += piece;
      EXPECT_TRUE(tokenizer_.decode(tokens).starts_with(shown)) << "'" << shown << "' of '" << text << "'";
    }
    EXPECT_EQ(shown + detokenizer.flush(), tokenizer_.decode(tokens)) << text;
  }
}

TEST_P(EveryDetokenizer, GoesOnFromAPrompt) {
  const Tokens tokens = tokens_of(tokenizer_, "The cat sat, and sat on the mat.");
  const std::string whole = tokenizer_.decode(tokens);
  for (std::size_t prompt = 1; prompt < tokens.size(); ++prompt) {
    const auto context = std::span(tokens).first(prompt);
    Detokenizer detokenizer(tokenizer_, context);
    std::string shown;
    for (const std::int64_t token : std::span(tokens).subspan(prompt)) shown += detokenizer.push(token);
    EXPECT_TRUE(whole.ends_with(shown + detokenizer.flush())) << shown;
    EXPECT_EQ(tokenizer_.decode(context).size() + shown.size(), whole.size()) << "after " << prompt << " tokens";
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, EveryDetokenizer,
                         testing::Values("byte_bpe", "unigram", "vocabularies/t5_bpe_bytes", "vocabularies/gpt2"), [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '/', '_');
                           return name;
                         });

class BytesStream : public testing::Test {
 protected:
  const Tokenizer tokenizer_ = Tokenizer::load(fixture_folder("byte_bpe"));

  /// A text's pieces, with the options given.
  std::vector<std::string> pieces(std::string_view text, GenerationOptions options, TextStream*& stream) {
    if (!options.max_new_tokens) options.max_new_tokens = 1000;
    streams_.push_back(std::make_unique<TextStream>(tokenizer_, resolve(options, {})));
    stream = streams_.back().get();
    std::vector<std::string> pieces;
    for (const std::int64_t token : tokens_of(tokenizer_, text)) pieces.push_back(stream->push(token));
    pieces.push_back(stream->end(FinishReason::cancelled));
    return pieces;
  }

  std::string streamed(std::string_view text, const GenerationOptions& options, FinishReason reason) {
    TextStream* stream = nullptr;
    std::string shown;
    for (const std::string& piece : pieces(text, options, stream)) shown += piece;
    EXPECT_EQ(stream->finish_reason(), reason);
    return shown;
  }

 private:
  std::vector<std::unique_ptr<TextStream>> streams_;
};

TEST_F(BytesStream, ShowsNoBeginningOfAStopString) {
  TextStream* stream = nullptr;
  const std::string stop = "END now";
  std::string shown;
  for (const std::string& piece :
       pieces("an END to all, END never, END now and here", {.stop_strings = std::vector<std::string>{stop}}, stream)) {
    shown += piece;
    for (std::size_t length = 1; length <= stop.size(); ++length) {
      // What ends the shown text may begin the stop string only when the text went on otherwise.
      if (shown.ends_with(stop.substr(0, length))) {
        EXPECT_TRUE(std::string("an END to all, END never, ").starts_with(shown)) << shown;
      }
    }
  }
  EXPECT_EQ(shown, "an END to all, END never, ");
  EXPECT_EQ(stream->finish_reason(), FinishReason::stop_string);
}

TEST_F(BytesStream, CutsOrKeepsTheStopString) {
  const std::vector<std::string> stops{"stop", "op here"};
  EXPECT_EQ(streamed("please stop here", {.stop_strings = stops}, FinishReason::stop_string), "please ");
  EXPECT_EQ(streamed("please stop here", {.stop_strings = stops, .include_stop_string = true}, FinishReason::stop_string), "please stop");
  EXPECT_EQ(streamed("please sto", {.stop_strings = stops}, FinishReason::cancelled), "please sto");
  EXPECT_EQ(streamed("es war schön", {.stop_strings = std::vector<std::string>{"ö"}}, FinishReason::stop_string), "es war sch");
}

TEST_F(BytesStream, EndsWithTheLength) {
  const std::string text = "one two three four";
  const Tokens tokens = tokens_of(tokenizer_, text);
  EXPECT_EQ(streamed(text, {.max_new_tokens = 2}, FinishReason::length), tokenizer_.decode(std::span(tokens).first(2)));
  EXPECT_EQ(streamed(text, {.max_new_tokens = std::ssize(tokens)}, FinishReason::length), text);
}

TEST_F(BytesStream, EndsWithATokenThatHasNoText) {
  const std::int64_t last = tokens_of(tokenizer_, "a b").back();
  EXPECT_EQ(streamed("a b a", {.eos_token_id = Tokens{last}}, FinishReason::end_token), "a");
  EXPECT_EQ(streamed("a b a", {.stop_token_ids = Tokens{last}}, FinishReason::stop_token), "a");
  EXPECT_EQ(streamed("a b a", {.eos_token_id = Tokens{last}, .ignore_eos = true}, FinishReason::cancelled), "a b a");
}

TEST_F(BytesStream, ShowsHalfACharacterOnlyAtTheEnd) {
  Tokens bytes = tokens_of(tokenizer_, "\U0001F986");
  ASSERT_GT(bytes.size(), 1U);
  bytes.pop_back();
  TextStream stream(tokenizer_, resolve({.max_new_tokens = 100}, {}));
  for (const std::int64_t token : bytes) EXPECT_EQ(stream.push(token), "");
  EXPECT_EQ(stream.end(FinishReason::cancelled), "\uFFFD");
  EXPECT_EQ(stream.push(bytes.front()), "") << "after the end";
}

TEST_F(BytesStream, GivesUpOnBytesThatMakeNoCharacter) {
  const std::int64_t byte = tokens_of(tokenizer_, "\U0001F986").front();
  Detokenizer detokenizer(tokenizer_, {});
  std::string shown;
  for (int i = 0; i < 100; ++i) shown += detokenizer.push(byte);
  EXPECT_GT(shown.size(), 200U) << "half the replacement characters at least";
}

TEST(StopStrings, MeanTheFirstAndLongest) {
  StopStrings stops({"ab", "abc", "x"}, true);
  EXPECT_EQ(stops.push("1a"), "1");
  EXPECT_EQ(stops.push("bcx"), "abc");
  EXPECT_TRUE(stops.found());
  EXPECT_EQ(stops.push("more"), "");
}

}  // namespace
}  // namespace accelerate

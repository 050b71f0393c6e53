// The public interface of texts that go on.
#include <gtest/gtest.h>
#include <ipfs_accelerate/language_model.h>

#include <thread>

#include "support/created_language_model.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

GenerationOptions tokens(std::int64_t count) {
  GenerationOptions options;
  options.max_new_tokens = count;
  options.ignore_eos = true;
  return options;
}

class LanguageModelTest : public testing::Test {
 protected:
  static const LanguageModel& model() {
    static const CreatedLanguageModel folder(plain_chat_template);
    static const LanguageModel loaded =
        LanguageModel::load(folder.path(), {.backend = "cpu", .precision = "fp32", .threads = 2, .state_bytes = 64 << 20});
    return loaded;
  }
};

TEST_F(LanguageModelTest, GeneratesAndTellsWhatItTook) {
  GenerationOptions options = tokens(12);
  options.logprobs = 2;
  std::string pieces;
  const GenerateResult result = model().generate("a boat leaves", options, [&](std::string_view piece) {
    pieces += piece;
    return true;
  });
  ASSERT_EQ(result.texts.size(), 1U);
  const GeneratedText& text = result.texts.front();
  EXPECT_EQ(text.text, pieces);
  EXPECT_FALSE(pieces.empty());
  EXPECT_EQ(text.tokens.size(), 12U);
  EXPECT_EQ(text.finish_reason, FinishReason::length);
  EXPECT_EQ(name_of(text.finish_reason), "length");
  ASSERT_EQ(text.log_probabilities.size(), 12U);
  EXPECT_EQ(text.log_probabilities.front().top.size(), 2U);
  EXPECT_EQ(result.generated_tokens, 12);
  EXPECT_EQ(result.prompt_tokens, static_cast<std::int64_t>(model().tokens("a boat leaves").size()));
  EXPECT_EQ(result.text(), pieces);
  EXPECT_TRUE(model().info().random_weights);
  EXPECT_EQ(model().info().head, "causal_lm");
}

TEST_F(LanguageModelTest, ACallbackEndsTheText) {
  int calls = 0;
  const GenerateResult result = model().generate("a boat", tokens(200), [&](std::string_view) { return ++calls < 3; });
  EXPECT_EQ(result.texts.front().finish_reason, FinishReason::cancelled);
  EXPECT_EQ(calls, 3);
  EXPECT_LT(result.generated_tokens, 200);
}

TEST_F(LanguageModelTest, WhatACallbackThrowsReachesTheCaller) {
  EXPECT_THROW(model().generate("a boat", tokens(20), [](std::string_view) -> bool { throw std::runtime_error("enough"); }),
               std::runtime_error);
  EXPECT_EQ(model().generate("a boat", tokens(5)).generated_tokens, 5);
}

TEST_F(LanguageModelTest, AStreamGivesThePiecesOfTheSameText) {
  const GenerateResult expected = model().generate("a ferry", tokens(40));
  GenerateStream stream = model().stream("a ferry", tokens(40));
  std::string text;
  for (std::string piece = stream.next(); !piece.empty(); piece = stream.next()) text += piece;
  EXPECT_EQ(text, expected.text());
  EXPECT_EQ(stream.next(), "");
  EXPECT_EQ(stream.result().texts.front().tokens, expected.texts.front().tokens);
  EXPECT_EQ(stream.result().generated_tokens, 40);
}

TEST_F(LanguageModelTest, AStreamIsCancelledByAnotherThread) {
  GenerateStream stream = model().stream("a ferry", tokens(480));
  EXPECT_FALSE(stream.next().empty());
  std::thread other([&] { stream.cancel(); });
  while (!stream.next().empty()) {
  }
  other.join();
  EXPECT_EQ(stream.result().texts.front().finish_reason, FinishReason::cancelled);
}

TEST_F(LanguageModelTest, AStreamThatIsDroppedLeavesTheModelFree) {
  {
    const GenerateStream dropped = model().stream("a ferry", tokens(480));
  }
  EXPECT_EQ(model().generate("a boat", tokens(3)).generated_tokens, 3);
}

TEST_F(LanguageModelTest, AStreamOfABeamSearchIsOnePiece) {
  GenerationOptions options = tokens(8);
  options.num_beams = 3;
  GenerateStream stream = model().stream("a ferry", options);
  EXPECT_EQ(stream.next(), model().generate("a ferry", options).text());
  EXPECT_EQ(stream.next(), "");
}

TEST_F(LanguageModelTest, ManyPromptsComeOutAsEachAlone) {
  const std::vector<Prompt> prompts{"a boat", std::vector<std::int64_t>{7, 8, 9, 10}, ChatPrompt{.messages = {{"user", "a ferry"}}}};
  const std::vector<GenerateResult> results = model().generate(prompts, tokens(15));
  ASSERT_EQ(results.size(), prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i)
    EXPECT_EQ(results[i].texts.front().tokens, model().generate(prompts[i], tokens(15)).texts.front().tokens) << i;
}

TEST_F(LanguageModelTest, AConversationIsWhatTheTemplateWrites) {
  const ChatPrompt prompt{.messages = {{"system", "be short"}, {"user", "who is it"}}};
  EXPECT_EQ(model().render(prompt), "system says be short . user says who is it . assistant says");
  EXPECT_TRUE(model().has_chat_template());
  EXPECT_EQ(model().generate(prompt, tokens(6)).generated_tokens, 6);
}

TEST_F(LanguageModelTest, RefusesWhatItCannotDo) {
  expect_error(ErrorKind::invalid_argument, "no tokens", [] { model().generate(std::vector<std::int64_t>{}); });
  expect_error(ErrorKind::invalid_argument, "temperature is -1", [] {
    GenerationOptions options;
    options.temperature = -1;
    model().stream("a", options);
  });
  const CreatedLanguageModel plain;
  const LanguageModel base = LanguageModel::load(plain.path(), {.backend = "reference", .precision = "fp32", .threads = 1});
  EXPECT_FALSE(base.has_chat_template());
  expect_error(ErrorKind::unsupported, "no chat template", [&] { base.generate(ChatPrompt{.messages = {{"user", "a"}}}); });
}

}  // namespace
}  // namespace accelerate

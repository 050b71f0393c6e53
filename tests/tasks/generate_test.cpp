// Texts continued at once: each must come out as it does alone, whatever its company, and leave nothing behind.
#include "tasks/generate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "tasks/create_model.h"

namespace accelerate {
namespace {

using Tokens = std::vector<std::int64_t>;

constexpr std::int64_t vocabulary = 200;

/// A small decoder with random weights, and texts that go on.
class Generating : public testing::Test {
 protected:
  static const std::filesystem::path& folder() {
    static const TemporaryFolder made;
    static const bool created = [] {
      create_model(Json{{"model_type", "llama"},
                        {"architectures", {"LlamaForCausalLM"}},
                        {"vocab_size", vocabulary},
                        {"hidden_size", 32},
                        {"intermediate_size", 64},
                        {"num_hidden_layers", 2},
                        {"num_attention_heads", 4},
                        {"num_key_value_heads", 2},
                        {"max_position_embeddings", 512},
                        {"rms_norm_eps", 1e-6},
                        {"tie_word_embeddings", false}},
                   made.path(), {.seed = 3, .head = Head::causal_lm, .overwrite = true});
      return true;
    }();
    (void)created;
    return made.path();
  }

  static std::unique_ptr<TextGenerator> generator(std::int64_t state_bytes = std::int64_t{256} << 20,
                                                  const SchedulerOptions& scheduling = {}) {
    return std::make_unique<TextGenerator>(
        open_model_folder(folder()),
        GenerationSessionOptions{.session = {.backend = "cpu", .precision = "fp32", .threads = 2}, .state_bytes = state_bytes}, scheduling);
  }

  static Tokens prompt(std::int64_t tokens, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Tokens ids(static_cast<std::size_t>(tokens));
    for (std::int64_t& id : ids) id = static_cast<std::int64_t>(random() % vocabulary);
    return ids;
  }

  static GenerationOptions greedy(std::int64_t tokens) {
    GenerationOptions options;
    options.max_new_tokens = tokens;
    options.ignore_eos = true;
    return options;
  }

  static Tokens alone(const GenerationRequest& request) {
    static const std::unique_ptr<TextGenerator> single = generator(std::int64_t{256} << 20, {.share_prefixes = false});
    return single->submit(request).get().texts.front().tokens;
  }
};

TEST_F(Generating, GivesAsManyTokensAsAsked) {
  const auto model = generator();
  const GenerationResult result = model->submit({.prompt = prompt(9, 1), .options = greedy(20)}).get();
  ASSERT_EQ(result.texts.size(), 1U);
  EXPECT_EQ(result.prompt_tokens, 9);
  EXPECT_EQ(result.texts.front().tokens.size(), 20U);
  EXPECT_EQ(result.texts.front().finish_reason, FinishReason::length);
}

TEST_F(Generating, AnEndTokenEndsTheText) {
  const auto model = generator();
  const Tokens all = model->submit({.prompt = prompt(9, 1), .options = greedy(20)}).get().texts.front().tokens;
  GenerationOptions options = greedy(20);
  options.stop_token_ids = Tokens{all[7]};
  const GeneratedText text = model->submit({.prompt = prompt(9, 1), .options = options}).get().texts.front();
  EXPECT_EQ(text.finish_reason, FinishReason::stop_token);
  EXPECT_LE(text.tokens.size(), 8U);
  EXPECT_EQ(text.tokens.back(), all[7]);
}

class GeneratingOn : public Generating, public testing::WithParamInterface<std::string> {};

INSTANTIATE_TEST_SUITE_P(All, GeneratingOn, testing::Values("cpu", "reference", "openvino", "cuda"),
                         [](const auto& test) { return test.param; });

// Each goes on from what it remembers: the longest texts grow over several pages.
TEST_P(GeneratingOn, TextsComeOutAsOnCpu) {
  if (const Devices devices = backend_named(GetParam())->devices(); devices.usable.empty()) GTEST_SKIP() << devices.reason;
  TextGenerator model(open_model_folder(folder()),
                      GenerationSessionOptions{.session = {.backend = GetParam(), .precision = "fp32", .threads = 2},
                                               .state_bytes = std::int64_t{64} << 20});
  std::vector<GenerationRequest> requests;
  for (const std::int64_t length : {1, 62, 130}) requests.push_back({.prompt = prompt(length, 11), .options = greedy(24)});
  std::vector<TextGenerator::Ticket> tickets;
  for (const GenerationRequest& request : requests) tickets.push_back(model.submit(request));
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const GenerationResult result = tickets[i].get();
    EXPECT_EQ(result.texts.front().tokens, alone(requests[i])) << i;
    EXPECT_TRUE(result.notes.empty()) << result.notes.front();
  }
}

TEST_F(Generating, BeamsGoOnFromAForcedFirstToken) {
  const auto model = generator();
  GenerationOptions options = greedy(9);
  options.num_beams = 3;
  options.forced_bos_token_id = 7;
  const Tokens forced = model->submit({.prompt = {3}, .options = options}).get().texts.front().tokens;
  options.forced_bos_token_id = {};
  options.max_new_tokens = 8;
  Tokens expected = model->submit({.prompt = {3, 7}, .options = options}).get().texts.front().tokens;
  expected.insert(expected.begin(), 7);
  EXPECT_EQ(forced, expected);
}

TEST_F(Generating, SixtyFourRequestsComeOutAsTheyDoAlone) {
  // So little room that some have to give way to others.
  const auto model = generator(std::int64_t{640} << 10, {.step_tokens = 96});
  std::mt19937_64 random(5);
  struct Sent {
    GenerationRequest request;
    TextGenerator::Ticket ticket;
    bool cancelled;
  };
  std::vector<Sent> sent;
  for (std::uint64_t i = 0; i < 64; ++i) {
    GenerationRequest request{.prompt = prompt(1 + static_cast<std::int64_t>(random() % 200), i),
                              .options = greedy(1 + static_cast<std::int64_t>(random() % 60)),
                              .number = i};
    if (i % 3 == 0) {
      request.options.do_sample = true;
      request.options.temperature = 1.3;
      request.options.top_k = 40;
      request.options.seed = 11;
    }
    TextGenerator::Ticket ticket = model->submit(request);
    sent.push_back({std::move(request), std::move(ticket), i % 7 == 0});
    if (random() % 4 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(random() % 5));
    for (Sent& each : sent)
      if (each.cancelled && random() % 8 == 0) each.ticket.cancel();
  }
  for (Sent& each : sent) {
    const GeneratedText text = each.ticket.get().texts.front();
    const Tokens expected = alone(each.request);
    if (text.finish_reason == FinishReason::cancelled) {
      EXPECT_TRUE(each.cancelled);
      EXPECT_TRUE(std::ranges::equal(text.tokens, std::span(expected).first(text.tokens.size())));
    } else {
      EXPECT_EQ(text.tokens, expected) << each.request.number;
    }
  }
  EXPECT_GT(model->report().preemptions, 0);
  EXPECT_LE(model->session().state().use().bytes, model->session().state().use().most_bytes);
}

TEST_F(Generating, NothingIsLeftOfEndedRequests) {
  const auto model = generator(std::int64_t{256} << 20, {.share_prefixes = false});
  std::vector<TextGenerator::Ticket> tickets;
  for (std::uint64_t i = 0; i < 16; ++i) tickets.push_back(model->submit({.prompt = prompt(50, i), .options = greedy(10)}));
  for (auto& ticket : tickets) ticket.get();
  EXPECT_EQ(model->session().state().use().sequences, 0);
  EXPECT_EQ(model->session().state().use().bytes, 0);
}

TEST_F(Generating, WhatPromptsHaveInCommonIsComputedOnce) {
  const auto model = generator();
  const Tokens common = prompt(150, 1);
  std::vector<TextGenerator::Ticket> tickets;
  std::vector<GenerationRequest> requests;
  for (std::int64_t i = 0; i < 8; ++i) {
    Tokens own = common;
    own.push_back(i);
    own.push_back(i + 1);
    requests.push_back({.prompt = own, .options = greedy(5)});
    tickets.push_back(model->submit(requests.back()));
  }
  for (std::size_t i = 0; i < tickets.size(); ++i) EXPECT_EQ(tickets[i].get().texts.front().tokens, alone(requests[i]));
  EXPECT_EQ(model->report().shared_tokens, 7 * 150);
  EXPECT_EQ(model->report().computed_tokens, 150 + 8 * (2 + 4));
}

TEST_F(Generating, BeamsComeOutAsTheyDoInCompany) {
  const auto model = generator(std::int64_t{8} << 20);
  GenerationOptions options = greedy(12);
  options.num_beams = 4;
  options.num_return_sequences = 3;
  const GenerationRequest request{.prompt = prompt(30, 3), .options = options};
  const GenerationResult single = model->submit(request).get();
  ASSERT_EQ(single.texts.size(), 3U);
  EXPECT_GE(single.texts[0].score, single.texts[1].score);
  std::vector<TextGenerator::Ticket> company;
  for (std::uint64_t i = 0; i < 6; ++i) company.push_back(model->submit({.prompt = prompt(40, i), .options = greedy(30)}));
  const GenerationResult together = model->submit(request).get();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(together.texts[i].tokens, single.texts[i].tokens);
  for (auto& ticket : company) ticket.get();
}

TEST_F(Generating, WhatCannotFitIsRefusedAtOnce) {
  const auto model = generator(std::int64_t{64} << 10);
  expect_error(ErrorKind::out_of_memory, "remembered texts may take",
               [&] { model->submit({.prompt = prompt(300, 1), .options = greedy(100)}); });
  expect_error(ErrorKind::invalid_argument, "", [&] { generator()->submit({.prompt = prompt(513, 1), .options = greedy(1)}); });
  expect_error(ErrorKind::invalid_argument, "no tokens", [&] { generator()->submit({.prompt = {}, .options = greedy(1)}); });
}

TEST_F(Generating, ATokenOutsideTheVocabularyIsThatRequestsErrorAlone) {
  const auto model = generator();
  auto good = model->submit({.prompt = prompt(20, 1), .options = greedy(30)});
  expect_error(ErrorKind::invalid_argument, "vocabulary", [&] { model->submit({.prompt = {1, 2, vocabulary}, .options = greedy(5)}); });
  EXPECT_EQ(good.get().texts.front().tokens.size(), 30U);
}

TEST_F(Generating, CancellingEndsARequestSoon) {
  const auto model = generator();
  auto ticket = model->submit({.prompt = prompt(4, 1), .options = greedy(500)});
  ticket.cancel();
  const GeneratedText text = ticket.get().texts.front();
  EXPECT_EQ(text.finish_reason, FinishReason::cancelled);
  EXPECT_LT(text.tokens.size(), 500U);
}

TEST_F(Generating, EndingTheGeneratorEndsItsRequests) {
  auto model = generator();
  auto ticket = model->submit({.prompt = prompt(4, 1), .options = greedy(500)});
  model.reset();
  EXPECT_EQ(ticket.get().texts.front().finish_reason, FinishReason::cancelled);
}

TEST(GeneratingWithinAWindow, ALongTextFitsInTheMemoryOfItsWindow) {
  const TemporaryFolder folder;
  create_model(Json{{"model_type", "mistral"},
                    {"architectures", {"MistralForCausalLM"}},
                    {"vocab_size", vocabulary},
                    {"hidden_size", 32},
                    {"intermediate_size", 64},
                    {"num_hidden_layers", 2},
                    {"num_attention_heads", 4},
                    {"num_key_value_heads", 2},
                    {"max_position_embeddings", 4096},
                    {"sliding_window", 100},
                    {"rms_norm_eps", 1e-6},
                    {"tie_word_embeddings", false}},
               folder.path(), {.seed = 3, .head = Head::causal_lm, .overwrite = true});
  const auto model = [&](std::int64_t state_bytes) {
    return std::make_unique<TextGenerator>(
        open_model_folder(folder.path()),
        GenerationSessionOptions{.session = {.backend = "cpu", .precision = "fp32", .threads = 2}, .state_bytes = state_bytes});
  };
  Tokens prompt;
  for (std::int64_t i = 0; i < 1500; ++i) prompt.push_back((i * i + 3 * i) % vocabulary);
  GenerationOptions options;
  options.max_new_tokens = 400;
  options.ignore_eos = true;
  const auto roomy = model(std::int64_t{64} << 20);
  const std::int64_t page = roomy->session().state().bytes_for("context", 1);
  const Tokens expected = roomy->submit({.prompt = prompt, .options = options}).get().texts.front().tokens;
  EXPECT_EQ(expected.size(), 400U);
  // Less than half of what all 1900 tokens take.
  EXPECT_EQ(model(13 * page)->submit({.prompt = prompt, .options = options}).get().texts.front().tokens, expected);
}

}  // namespace
}  // namespace accelerate

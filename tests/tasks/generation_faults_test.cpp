// Faults while texts go on: every text comes out as without them, and its answer says what was got over.
#include <gtest/gtest.h>

#include <random>

#include "support/expect_error.h"
#include "support/faulty_backend.h"
#include "support/temporary_folder.h"
#include "tasks/create_model.h"
#include "tasks/generate.h"

namespace accelerate {
namespace {

using Tokens = std::vector<std::int64_t>;

constexpr std::int64_t vocabulary = 100;
constexpr std::int64_t new_tokens = 12;

class GenerationFaults : public testing::Test {
 protected:
  static const std::filesystem::path& folder() {
    static const TemporaryFolder made;
    static const bool created = [] {
      create_model(Json{{"model_type", "llama"},
                        {"architectures", {"LlamaForCausalLM"}},
                        {"vocab_size", vocabulary},
                        {"hidden_size", 32},
                        {"intermediate_size", 48},
                        {"num_hidden_layers", 2},
                        {"num_attention_heads", 4},
                        {"num_key_value_heads", 2},
                        {"max_position_embeddings", 256},
                        {"rms_norm_eps", 1e-6},
                        {"tie_word_embeddings", false}},
                   made.path(), {.seed = 5, .head = Head::causal_lm, .overwrite = true});
      return true;
    }();
    (void)created;
    return made.path();
  }

  /// A generator on a backend that computes as cpu does, with faults.
  static std::unique_ptr<TextGenerator> generator(FaultyBackends& backends, bool fallback = true) {
    return std::make_unique<TextGenerator>(
        open_model_folder(folder()),
        GenerationSessionOptions{.session = {.backend = "reference",
                                             .precision = "fp32",
                                             .threads = 2,
                                             .fallback = fallback,
                                             .make_backend = [&backends](std::string_view name) { return backends.make(name); }},
                                 .state_bytes = std::int64_t{64} << 20});
  }

  static GenerationRequest request(std::int64_t prompt_tokens, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    GenerationRequest request{.prompt = Tokens(static_cast<std::size_t>(prompt_tokens))};
    for (std::int64_t& id : request.prompt) id = static_cast<std::int64_t>(random() % vocabulary);
    request.options.max_new_tokens = new_tokens;
    request.options.ignore_eos = true;
    return request;
  }

  static const Tokens& expected(std::int64_t prompt_tokens, std::uint64_t seed) {
    static std::map<std::pair<std::int64_t, std::uint64_t>, Tokens> known;
    Tokens& tokens = known[{prompt_tokens, seed}];
    if (tokens.empty()) {
      FaultyBackends healthy({});
      tokens = generator(healthy)->submit(request(prompt_tokens, seed)).get().texts.front().tokens;
    }
    return tokens;
  }

  static std::string joined(const std::vector<std::string>& notes) {
    std::string all;
    for (const std::string& note : notes) all += note + "\n";
    return all;
  }
};

struct Row {
  const char* name;
  Faults device;
  const char* note;        ///< of the answer that the fault struck
  const char* later_note;  ///< of the next answer; empty: it has none
};

class GotOver : public GenerationFaults, public testing::WithParamInterface<Row> {};

TEST_P(GotOver, TheTextIsWhatItIsWithoutTheFault) {
  FaultyBackends backends({{"reference", GetParam().device}});
  const auto model = generator(backends);
  const GenerationResult first = model->submit(request(40, 1)).get();
  EXPECT_EQ(first.texts.front().tokens, expected(40, 1)) << backends.log();
  EXPECT_NE(joined(first.notes).find(GetParam().note), std::string::npos) << joined(first.notes);
  const GenerationResult second = model->submit(request(7, 2)).get();
  EXPECT_EQ(second.texts.front().tokens, expected(7, 2)) << backends.log();
  if (*GetParam().later_note == '\0')
    EXPECT_EQ(joined(second.notes), "");
  else
    EXPECT_NE(joined(second.notes).find(GetParam().later_note), std::string::npos) << joined(second.notes);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, GotOver,
    testing::Values(
        Row{"LargeStep", {.most_tokens = 16}, "reference ran out of memory in a step of 40 tokens (no room): it ran in 4 pieces", ""},
        Row{"OnceOutOfMemory",
            {.runs = {{3, Fault::out_of_memory}}},
            "reference ran out of memory (no room): the model runs on cpu",
            "on cpu"},
        Row{"NoRoomForOneToken", {.most_tokens = 0}, "the model runs on cpu from now on", "the model runs on cpu from now on"},
        Row{"Lost", {.runs = {{5, Fault::device_lost}}}, "reference stopped working (no answer): it was set up anew", ""},
        Row{"LostInThePrompt", {.runs = {{0, Fault::device_lost}}}, "it was set up anew and the text computed again", ""},
        Row{"LostTwice",
            {.runs = {{5, Fault::device_lost}, {6, Fault::device_lost}}},
            "reference stopped working again (no answer): the model runs on cpu from now on",
            "stopped working again"},
        Row{"LostAndAgainLater",
            {.runs = {{3, Fault::device_lost}, {9, Fault::device_lost}}},
            "reference stopped working (no answer): it was set up anew",
            ""},
        Row{"NotThereAgain",
            {.compilations = {{1, Fault::device_lost}}, .runs = {{2, Fault::device_lost}}},
            "could not be set up anew (no answer): the model runs on cpu from now on",
            "could not be set up anew"},
        Row{"NoRoomForTheModel",
            {.compilations = {{0, Fault::out_of_memory}}},
            "reference has no room for the model (no room)",
            "no room for"},
        Row{"MemoryOfTheProcess", {.runs = {{0, Fault::bad_alloc}}}, "no memory left in this process): it ran in 2 pieces", ""}),
    [](const auto& test) { return test.param.name; });

TEST_F(GenerationFaults, ManyTextsAtOnceAreAllComputedAgain) {
  FaultyBackends backends({{"reference", {.runs = {{4, Fault::device_lost}, {11, Fault::device_lost}}, .most_tokens = 60}}});
  const auto model = generator(backends);
  std::vector<TextGenerator::Ticket> tickets;
  for (std::uint64_t i = 0; i < 8; ++i) tickets.push_back(model->submit(request(10 + 7 * static_cast<std::int64_t>(i), i)));
  for (std::uint64_t i = 0; i < 8; ++i)
    EXPECT_EQ(tickets[i].get().texts.front().tokens, expected(10 + 7 * static_cast<std::int64_t>(i), i)) << backends.log();
  EXPECT_GE(model->report().recoveries, 1);
}

TEST_F(GenerationFaults, WithoutFallbackTheyAreErrorsAndTheNextRequestRuns) {
  FaultyBackends backends({{"reference", {.runs = {{2, Fault::device_lost}, {4, Fault::out_of_memory}}}}});
  const auto model = generator(backends, false);
  expect_error(ErrorKind::device_lost, "no answer", [&] { model->submit(request(9, 1)).get(); });
  expect_error(ErrorKind::out_of_memory, "no room", [&] { model->submit(request(9, 2)).get(); });
  EXPECT_EQ(model->submit(request(9, 3)).get().texts.front().tokens, expected(9, 3));
}

TEST_F(GenerationFaults, CpuHasPiecesAndNothingBehindIt) {
  FaultyBackends backends({{"reference", {.runs = {{0, Fault::device_lost}, {1, Fault::device_lost}}}}, {"cpu", {.most_tokens = 0}}});
  const auto model = generator(backends);
  expect_error(ErrorKind::out_of_memory, "no room", [&] { model->submit(request(9, 1)).get(); });
}

}  // namespace
}  // namespace accelerate

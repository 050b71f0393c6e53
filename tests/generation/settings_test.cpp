#include "generation/settings.h"

#include <gtest/gtest.h>

#include <fstream>

#include "formats/generation_config.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

using Tokens = std::vector<std::int64_t>;

GenerationConfig parsed(const std::string& text) { return parse_generation_config(text, "generation_config.json"); }

TEST(GenerationConfig, IsRead) {
  const GenerationConfig config = parsed(R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "eos_token_id": [1, 2], "pad_token_id": -1,
      "bos_token_id": 4, "max_length": 142, "early_stopping": "never", "bad_words_ids": [[7], [8, 9]], "forced_eos_token_id": 2,
      "stop_strings": "end", "num_beams": 4, "suppress_tokens": null, "transformers_version": "5.5.4", "cache_implementation": "hybrid"})");
  EXPECT_EQ(config.options.do_sample, true);
  EXPECT_EQ(config.options.temperature, 0.6);
  EXPECT_EQ(config.options.top_k, 20);
  EXPECT_EQ(config.options.eos_token_id, (Tokens{1, 2}));
  EXPECT_FALSE(config.options.pad_token_id);
  EXPECT_EQ(config.options.bos_token_id, 4);
  EXPECT_EQ(config.options.max_length, 142);
  EXPECT_EQ(config.options.early_stopping, EarlyStopping::never);
  EXPECT_EQ(config.options.bad_words_ids, (std::vector<Tokens>{{7}, {8, 9}}));
  EXPECT_EQ(config.options.forced_eos_token_id, Tokens{2});
  EXPECT_EQ(config.options.stop_strings, std::vector<std::string>{"end"});
  EXPECT_FALSE(config.options.suppress_tokens);
  EXPECT_FALSE(config.options.top_p);
  EXPECT_TRUE(config.notes.empty());
}

TEST(GenerationConfig, TellsWhatHasNoEffect) {
  EXPECT_TRUE(
      parsed(R"({"guidance_scale": 1.0, "epsilon_cutoff": 0.0, "num_beam_groups": 1, "sequence_bias": null, "token_healing": false})")
          .notes.empty());
  const std::vector<std::string> notes = parsed(R"({"guidance_scale": 2, "sequence_bias": [[[1], 2.0]]})").notes;
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_EQ(notes[0], "generation_config.json: 'guidance_scale' is not supported and has no effect");
}

TEST(GenerationConfig, NamesTheFieldThatIsWrong) {
  const std::pair<const char*, const char*> wrong[] = {{R"({"temperature": "hot"})", "'temperature'"},
                                                       {R"({"temperature": -1})", "'temperature'"},
                                                       {R"({"top_p": 1.5})", "'top_p'"},
                                                       {R"({"top_k": 2.5})", "'top_k'"},
                                                       {R"({"early_stopping": "soon"})", "'early_stopping'"},
                                                       {R"({"bad_words_ids": [7]})", "'bad_words_ids'"},
                                                       {R"({"eos_token_id": "x"})", "'eos_token_id'"},
                                                       {R"({"repetition_penalty": 0})", "'repetition_penalty'"},
                                                       {R"({"num_beams": 0})", "'num_beams'"},
                                                       {R"({"stop_strings": [1]})", "'stop_strings'"},
                                                       {R"({"guidance_scale": []})", "'guidance_scale'"},
                                                       {R"({"typical_p": 0})", "'typical_p'"}};
  for (const auto& [text, field] : wrong) expect_error(ErrorKind::invalid_file, field, [text = text] { parsed(text); });
}

TEST(GenerationConfig, OfAnOlderFolderIsInConfigJson) {
  const TemporaryFolder folder;
  EXPECT_FALSE(read_generation_config(folder.path()).options.num_beams);
  std::ofstream(folder.path() / "config.json") << R"({"model_type": "t5", "num_beams": 3, "eos_token_id": 1})";
  EXPECT_EQ(read_generation_config(folder.path()).options.num_beams, 3);
  std::ofstream(folder.path() / "generation_config.json") << R"({"num_beams": 2})";
  const GenerationOptions options = read_generation_config(folder.path()).options;
  EXPECT_EQ(options.num_beams, 2);
  EXPECT_FALSE(options.eos_token_id);
}

TEST(Settings, AreTheCallersThenTheModels) {
  const GenerationOptions model{.max_length = 50, .min_length = 10, .do_sample = true, .top_k = 5, .json_schema = "{}"};
  const GenerationOptions both = merged({.max_new_tokens = 7, .top_k = 9, .regex = "a"}, model);
  EXPECT_EQ(both.max_new_tokens, 7);
  EXPECT_FALSE(both.max_length) << "the caller's length is in the other form";
  EXPECT_EQ(both.min_length, 10);
  EXPECT_EQ(both.do_sample, true);
  EXPECT_EQ(both.top_k, 9);
  EXPECT_FALSE(both.json_schema);
  EXPECT_EQ(merged({}, model).max_length, 50);
}

TEST(Settings, HaveTransformersDefaults) {
  const GenerationSettings settings = resolve({}, {.prompt_tokens = 3, .context_tokens = 10});
  EXPECT_FALSE(settings.do_sample);
  EXPECT_EQ(settings.temperature, 1);
  EXPECT_EQ(settings.top_k, 50);
  EXPECT_EQ(settings.top_p, 1);
  EXPECT_FALSE(settings.min_p);
  EXPECT_EQ(settings.typical_p, 1);
  EXPECT_EQ(settings.num_beams, 1);
  EXPECT_EQ(settings.length_penalty, 1);
  EXPECT_EQ(settings.early_stopping, EarlyStopping::no);
  EXPECT_EQ(settings.max_new_tokens, 7) << "what the context leaves";
  EXPECT_EQ(settings.min_new_tokens, 0);
}

TEST(Settings, CountTheLengthWithinTheContext) {
  const RequestSizes sizes{.prompt_tokens = 30, .context_tokens = 100};
  EXPECT_EQ(resolve({.max_new_tokens = 5}, sizes).max_new_tokens, 5);
  EXPECT_EQ(resolve({.max_new_tokens = 500}, sizes).max_new_tokens, 70);
  EXPECT_EQ(resolve({.max_length = 50}, sizes).max_new_tokens, 20);
  EXPECT_EQ(resolve({.min_length = 40}, sizes).min_new_tokens, 10);
  EXPECT_EQ(resolve({.min_new_tokens = 4, .min_length = 40}, sizes).min_new_tokens, 4);
  expect_error(ErrorKind::invalid_argument, "max_length is 20, expected more than the 30 tokens",
               [&] { resolve({.max_length = 20}, sizes); });
  expect_error(ErrorKind::invalid_argument, "which leaves none", [] { resolve({}, {.prompt_tokens = 8, .context_tokens = 8}); });
}

TEST(Settings, AreGreedyAtTemperatureZero) {
  EXPECT_FALSE(resolve({.do_sample = true, .temperature = 0}, {.context_tokens = 9}).do_sample);
}

TEST(Settings, LeaveOutWhatNamesNoToken) {
  const GenerationSettings settings =
      resolve({.bad_words_ids = std::vector<Tokens>{{3}, {3, 4}}, .suppress_tokens = Tokens{-1, 2}, .eos_token_id = Tokens{3}},
              {.context_tokens = 9, .vocabulary = 5});
  EXPECT_EQ(settings.suppress_tokens, Tokens{2});
  EXPECT_EQ(settings.bad_words_ids, (std::vector<Tokens>{{3, 4}})) << "an end token alone is no bad word";
}

TEST(Settings, NameTheFieldThatIsWrong) {
  const std::pair<GenerationOptions, const char*> wrong[] = {
      {{.max_new_tokens = 0}, "max_new_tokens is 0, expected a whole number from 1"},
      {{.max_new_tokens = 3, .min_new_tokens = 4}, "min_new_tokens is 4, expected at most max_new_tokens, which is 3"},
      {{.temperature = -0.5}, "temperature is -0.5, expected a number of at least 0"},
      {{.temperature = std::numeric_limits<double>::quiet_NaN()}, "temperature is nan"},
      {{.top_k = -1}, "top_k is -1"},
      {{.top_p = 1.1}, "top_p is 1.1, expected a number from 0 to 1"},
      {{.min_p = -0.1}, "min_p is -0.1"},
      {{.typical_p = 0}, "typical_p is 0, expected a number from 0 to 1, not the former"},
      {{.num_beams = 0}, "num_beams is 0"},
      {{.num_beams = 2, .num_return_sequences = 3}, "num_return_sequences is 3, expected at most num_beams, which is 2"},
      {{.num_return_sequences = 2}, "num_return_sequences is 2, expected 1, because without do_sample"},
      {{.repetition_penalty = 0}, "repetition_penalty is 0, expected a number above 0"},
      {{.presence_penalty = 3}, "presence_penalty is 3"},
      {{.frequency_penalty = -3}, "frequency_penalty is -3"},
      {{.no_repeat_ngram_size = -1}, "no_repeat_ngram_size is -1"},
      {{.bad_words_ids = std::vector<Tokens>{{}}}, "bad_words_ids is a list with an empty list"},
      {{.bad_words_ids = std::vector<Tokens>{{1, 10}}}, "bad_words_ids is a list with [1, 10], expected token ids from 0 and below 10"},
      {{.logit_bias = std::vector<std::pair<std::int64_t, double>>{{10, 1}}}, "logit_bias is for token 10"},
      {{.logit_bias = std::vector<std::pair<std::int64_t, double>>{{1, 101}}}, "logit_bias is 101 for token 1"},
      {{.suppress_tokens = Tokens{10}}, "suppress_tokens is [10], expected token ids below 10"},
      {{.forced_bos_token_id = 10}, "forced_bos_token_id is 10"},
      {{.eos_token_id = Tokens{1, 12}}, "eos_token_id is [1, 12]"},
      {{.stop_strings = std::vector<std::string>{""}}, "stop_strings is a list with an empty text"},
      {{.json_schema = "{}", .regex = "a"}, "json_schema, regex and grammar exclude each other"},
      {{.logprobs = 21}, "logprobs is 21, expected a whole number from 0 to 20"}};
  for (const auto& [options, message] : wrong) {
    expect_error(ErrorKind::invalid_argument, message,
                 [&options = options] { resolve(options, {.context_tokens = 100, .vocabulary = 10}); });
  }
}

}  // namespace
}  // namespace accelerate

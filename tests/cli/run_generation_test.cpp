// Runs over files whose answers are texts that go on.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"
#include "support/created_language_model.h"
#include "support/created_model.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const CreatedLanguageModel& model() {
  static const CreatedLanguageModel folder(plain_chat_template, 2048);
  return folder;
}

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> values;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) values.push_back(json::parse(line));
  return values;
}

std::string contents(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

ProgramResult run(const std::vector<std::string>& further, const ProgramOptions& options = {}) {
  std::vector<std::string> words{"run", model().path().string(), "--backend", "cpu", "--precision", "fp32", "--threads",
                                 "1",   "--ignore-eos"};
  words.insert(words.end(), further.begin(), further.end());
  return run_program(words, options);
}

TEST(RunGeneration, DrawsForEachLineByItsNumber) {
  const TemporaryFolder folder;
  std::string lines;
  std::vector<std::string> generate{"generate", model().path().string(), "--backend", "cpu", "--precision", "fp32", "--threads",
                                    "1",        "--ignore-eos",          "--json"};
  for (int i = 0; i < 20; ++i) {
    const std::string prompt = fmt::format("boat {}", i % 3);  // alike, so that only the number tells them apart
    lines += i % 2 == 0 ? fmt::format("{{\"prompt\": \"{}\"}}\n", prompt) : fmt::format("\"{}\"\n", prompt);
    generate.insert(generate.end(), {"--prompt", prompt});
  }
  const std::vector<std::string> options{"--sample", "--seed", "4", "--top-k", "30", "--max-new-tokens", "9"};
  generate.insert(generate.end(), options.begin(), options.end());
  const fs::path output = folder.path() / "out.jsonl";
  std::vector<std::string> words{"--input", folder.write("in.jsonl", lines).string(), "--output", output.string()};
  words.insert(words.end(), options.begin(), options.end());
  const ProgramResult result = run(words);
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const std::vector<json> answers = lines_of(contents(output));
  const std::vector<json> expected = lines_of(run_program(generate).output);
  ASSERT_EQ(answers.size(), 20U);
  ASSERT_EQ(expected.size(), 20U);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i]["index"], i);
    EXPECT_EQ(answers[i]["texts"], expected[i]["texts"]) << i;
    EXPECT_EQ(answers[i]["texts"][0]["tokens"].size(), 9U);
  }
  EXPECT_NE(answers[0]["texts"], answers[3]["texts"]);
}

TEST(RunGeneration, AStoppedRunGoesOnWithTheSameTexts) {
  const TemporaryFolder folder;
  std::string lines;
  for (int i = 0; i < 64; ++i) lines += fmt::format("{{\"messages\": [{{\"role\": \"user\", \"content\": \"who {}\"}}]}}\n", i);
  const fs::path input = folder.write("in.jsonl", lines);
  const fs::path output = folder.path() / "out.jsonl";
  const fs::path state = folder.path() / "out.jsonl.state";
  const std::vector<std::string> words{"--task",   "chat",   "--input", input.string(),     "--output", output.string(),
                                       "--sample", "--seed", "9",       "--max-new-tokens", "150"};
  const ProgramResult stopped = run(words, {.signal = [&] { return fs::exists(state) && !contents(state).empty() ? SIGINT : 0; }});
  if (stopped.exit_code != 0) {  // it may have been too quick to be stopped
    EXPECT_EQ(stopped.exit_code, 130) << stopped.errors;
    EXPECT_FALSE(fs::exists(output));
    EXPECT_EQ(run({"--task", "chat", "--input", input.string(), "--output", output.string(), "--sample", "--seed", "8", "--max-new-tokens",
                   "150"})
                  .exit_code,
              2);  // other options
    const ProgramResult resumed = run(words);
    EXPECT_EQ(resumed.exit_code, 0) << resumed.errors;
  }
  const std::string answers = contents(output);
  fs::remove(output);
  ASSERT_EQ(run(words).exit_code, 0);
  EXPECT_EQ(contents(output), answers);
  EXPECT_EQ(lines_of(answers).size(), 64U);
}

TEST(RunGeneration, TextsGoOnWhereTheModelIsForThat) {
  const ProgramResult result = run({"a boat", "a ferry", "--max-new-tokens", "4", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const std::vector<json> answers = lines_of(result.output);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[1]["texts"][0]["finish_reason"], "length");
  EXPECT_EQ(answers[1]["random_weights"], true);
}

TEST(RunGeneration, EncoderDecodersDoTheirOwnTask) {
  const CreatedModelFolder folder(Task::translate, {.model_type = "t5"});
  json config = json::parse(contents(folder.path() / "config.json"));
  config["task_specific_params"] = {{"summarization", {{"prefix", "sum : "}}}};
  std::ofstream(folder.path() / "config.json") << config.dump();
  const auto answers = [&](const std::vector<std::string>& further) {
    std::vector<std::string> words{"run",  folder.path().string(), "a boat", "--max-new-tokens", "6", "--backend", "cpu", "--precision",
                                   "fp32", "--ignore-eos",         "--json", "--threads",        "1"};
    words.insert(words.end(), further.begin(), further.end());
    const ProgramResult result = run_program(words);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return lines_of(result.output).at(0);
  };
  const json own = answers({});
  EXPECT_EQ(own["texts"][0]["tokens"].size(), 6U);
  EXPECT_EQ(own["truncated"], false);
  EXPECT_EQ(own["texts"], answers({"--task", "summarize"})["texts"]);
  const json plain = answers({"--task", "generate"});
  EXPECT_LT(plain["prompt_tokens"], own["prompt_tokens"]);  // without the model's words
  EXPECT_FALSE(plain.contains("truncated"));
}

TEST(RunGeneration, RefusesInOneLine) {
  const CreatedLanguageModel base;
  const CreatedModelFolder answering(Task::translate, {.model_type = "t5"});
  struct Case {
    std::vector<std::string> words;
    std::string input;
    std::string message;
    int exit_code;
  };
  const std::string chat = R"({"messages": [{"role": "user", "content": "who"}]})";
  const std::vector<Case> cases{
      {{"run", base.path().string(), "--task", "chat", "who"}, "", "has no chat template", 5},
      {{"run", base.path().string(), "--input", "-"}, chat, "has messages, and task 'generate' takes texts", 2},
      {{"run", model().path().string(), "--task", "chat", "--input", "-"},
       R"({"messages": [{"role": "user"}]})",
       "line 1: 'messages': message 0: 'content' is missing",
       2},
      {{"run", model().path().string(), "--task", "embed", "who", "--temperature", "2"}, "", "--temperature: goes with", 2},
      {{"run", model().path().string(), "who", "--target-language", "de"}, "", "go with --task translate", 2},
      {{"run", model().path().string(), "--task", "translate", "who"}, "", "task 'translate' needs a model with a", 2},
      {{"run", answering.path().string(), "--task", "embed", "who"}, "", "it can do 'generate'", 2},
      {{"run", answering.path().string(), "who", "--source-language", "en", "--target-language", "de"}, "", "does not translate from", 2},
      {{"run", model().path().string(), "who", "--temperature", "-2"}, "", "input 0: temperature is -2", 2},
  };
  for (const Case& each : cases) {
    const ProgramResult result = run_program(each.words, {.input = each.input});
    EXPECT_EQ(result.exit_code, each.exit_code) << result.errors;
    EXPECT_NE(result.errors.find(each.message), std::string::npos) << result.errors;
    EXPECT_EQ(std::ranges::count(result.errors, '\n'), 1) << result.errors;
  }
}

}  // namespace
}  // namespace accelerate

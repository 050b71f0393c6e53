// Conversations: at a terminal, with somebody who types, and over lines of standard input.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "support/created_language_model.h"

namespace accelerate {
namespace {

// More than a text must have in common with an earlier one to be begun from it.
const std::string long_system =
    "be short and be kind and say what you know and no more than that and do not make things up and keep to the point";

const CreatedLanguageModel& model() {
  static const CreatedLanguageModel folder(plain_chat_template, 32768);
  return folder;
}

std::vector<std::string> chat(const std::vector<std::string>& further) {
  std::vector<std::string> words{"chat", model().path().string(), "--backend", "cpu", "--precision", "fp32", "--threads",
                                 "1",    "--ignore-eos"};
  words.insert(words.end(), further.begin(), further.end());
  return words;
}

std::vector<nlohmann::json> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(ChatOverLines, AnswersEachWithWhatWasSaidBefore) {
  const ProgramResult result =
      run_program(chat({"--json", "--max-new-tokens", "5", "--system", long_system}), {.input = "who is it\n\nand now\n"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const std::vector<nlohmann::json> answers = lines_of(result.output);
  ASSERT_EQ(answers.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(answers[i]["index"], i);
    EXPECT_EQ(answers[i]["message"]["role"], "assistant");
    EXPECT_EQ(answers[i]["finish_reason"], "length");
    EXPECT_EQ(answers[i]["generated_tokens"], 5);
    EXPECT_EQ(answers[i]["backend"], "cpu");
    EXPECT_EQ(answers[i]["random_weights"], true);
  }
  EXPECT_EQ(answers[0]["remembered_tokens"], 0);
  // The second prompt begins as the first one does, which was computed already.
  EXPECT_GE(answers[1]["remembered_tokens"].get<int>() + 1, answers[0]["prompt_tokens"].get<int>());
  EXPECT_GT(answers[1]["prompt_tokens"], answers[0]["prompt_tokens"]);
}

TEST(ChatOverLines, SavesAndLoads) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "said.json").string();
  const ProgramResult first = run_program(chat({"--max-new-tokens", "4"}), {.input = "/system be kind\nwho\n/save " + file + "\n"});
  ASSERT_EQ(first.exit_code, 0) << first.errors;
  const nlohmann::json saved = nlohmann::json::parse(read_text_file(file, 1 << 20));
  ASSERT_EQ(saved.size(), 3U);
  EXPECT_EQ(saved[0], (nlohmann::json{{"role", "system"}, {"content", "be kind"}}));
  EXPECT_EQ(saved[1], (nlohmann::json{{"role", "user"}, {"content", "who"}}));
  EXPECT_EQ(first.output, saved[2]["content"].get<std::string>() + "\n");

  // Greedy: the answer to the same messages is the same.
  const ProgramResult again = run_program(chat({"--max-new-tokens", "4"}), {.input = "/load " + file + "\n/retry\n"});
  EXPECT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_EQ(again.output, first.output);
}

TEST(ChatOverLines, RefusesInOneLine) {
  struct Case {
    std::string input;
    std::string message;
    int exit_code;
  };
  const TemporaryFolder folder;
  const std::string damaged = folder.write("damaged.json", R"([{"role": "user"}])").string();
  const std::vector<Case> cases{{"/what\n", "command '/what' is not known", 2},
                                {"/retry\n", "nothing was asked", 2},
                                {"/set temperature warm\n", "temperature", 2},
                                {"/set colour red\n", "colour", 2},
                                {"/save\n", "no file is named", 2},
                                {"/load " + damaged + "\n", "message 0: 'content' is missing", 4},
                                {"/load " + damaged + "2\n", "damaged.json2", 3},
                                {"/set temperature -1\nwho\n", "temperature is -1", 2}};
  for (const Case& each : cases) {
    const ProgramResult result = run_program(chat({}), {.input = each.input});
    EXPECT_EQ(result.exit_code, each.exit_code) << each.input << result.errors;
    EXPECT_NE(result.errors.find(each.message), std::string::npos) << result.errors;
    EXPECT_EQ(std::ranges::count(result.errors, '\n'), 1) << result.errors;
  }
}

TEST(ChatOverLines, ABaseModelIsRefusedWithAdviceOrGoesOnPlainly) {
  const CreatedLanguageModel base;
  const std::string folder = base.path().string();
  const ProgramResult refused = run_program({"chat", folder}, {.input = "a\n"});
  EXPECT_EQ(refused.exit_code, 5);
  EXPECT_NE(refused.errors.find("--raw"), std::string::npos) << refused.errors;

  const std::vector<std::string> options{"--backend", "cpu", "--precision", "fp32", "--max-new-tokens", "6", "--ignore-eos"};
  std::vector<std::string> raw{"chat", folder, "--raw"};
  std::vector<std::string> generate{"generate", folder, "--prompt", "a boat"};
  raw.insert(raw.end(), options.begin(), options.end());
  generate.insert(generate.end(), options.begin(), options.end());
  const ProgramResult plain = run_program(raw, {.input = "a boat\n"});
  const ProgramResult expected = run_program(generate);
  ASSERT_EQ(plain.exit_code, 0) << plain.errors;
  EXPECT_TRUE(expected.output.starts_with(plain.output)) << plain.output << expected.output;
}

TEST(ChatAtATerminal, ConversesWithEditingAndCommands) {
  Terminal terminal(chat({"--max-new-tokens", "5"}));
  terminal.wait_for(">>> ");
  terminal.type("who isx\x7f it\r");  // with a slip of the finger
  const std::string shown = terminal.wait_for("before it were remembered]");
  EXPECT_NE(shown.find("[5 tokens, the most that it may have; "), std::string::npos) << shown;
  EXPECT_NE(shown.find(" tokens/s"), std::string::npos) << shown;
  terminal.wait_for(">>> ");
  terminal.type("/set max_new_tokens 3\r");
  terminal.wait_for(">>> ");
  terminal.type("/retry\r");
  EXPECT_NE(terminal.wait_for("were remembered]").find("[3 tokens"), std::string::npos);
  terminal.wait_for(">>> ");
  terminal.type("/nothing\r");
  terminal.wait_for("command '/nothing' is not known");
  terminal.wait_for(">>> ");
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "said.json").string();
  terminal.type("/save " + file + "\r");
  terminal.wait_for("2 messages in");
  EXPECT_EQ(nlohmann::json::parse(read_text_file(file, 1 << 20))[0]["content"], "who is it");
  terminal.wait_for(">>> ");
  terminal.type("\x04");
  EXPECT_EQ(terminal.wait_for_end(), 0);
}

TEST(ChatAtATerminal, CtrlCStopsTheAnswerAndNotTheProgram) {
  Terminal terminal(chat({}));
  terminal.wait_for(">>> ");
  terminal.type("who\r");
  terminal.wait_for("who\r\n");
  terminal.wait_for(" ");  // of the answer, which would go on for thousands of tokens
  terminal.type("\x03");
  terminal.wait_for("stopped; Ctrl-C again ends the program");
  terminal.wait_for(">>> ");
  terminal.type("/set max_new_tokens 2\r");
  terminal.wait_for(">>> ");
  terminal.type("and now\r");
  terminal.wait_for("[2 tokens");
  terminal.wait_for(">>> ");
  terminal.type("half a line\x03");
  terminal.wait_for("Ctrl-C again ends the program");
  terminal.wait_for(">>> ");
  terminal.type("\x03");
  EXPECT_EQ(terminal.wait_for_end(), 130);
}

}  // namespace
}  // namespace accelerate

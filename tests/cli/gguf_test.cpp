// A .gguf file where a model folder may stand.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/program.h"
#include "ipfs_accelerate/error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

std::string model() { return (fs::path(ACCELERATE_TEST_DATA) / "formats/fixtures/gguf/chat.gguf").string(); }

nlohmann::json json_of(std::vector<std::string> words, const std::string& input = {}) {
  words.emplace_back("--json");
  const ProgramResult result = run_program(words, {.input = input});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  return nlohmann::json::parse(result.output.substr(0, result.output.find('\n')), nullptr, false);
}

TEST(GgufPath, ContinuesTexts) {
  const nlohmann::json one = json_of({"generate", model(), "--prompt", "The quick", "--max-new-tokens", "6", "--ignore-eos", "--backend",
                                      "cpu", "--precision", "int8", "--threads", "1"});
  EXPECT_EQ(one["texts"][0]["tokens"].size(), 6U) << one;
  const nlohmann::json same = json_of({"run", model(), "The quick", "--task", "generate", "--max-new-tokens", "6", "--ignore-eos",
                                       "--backend", "cpu", "--precision", "int8", "--threads", "1"});
  EXPECT_EQ(same["texts"][0]["tokens"], one["texts"][0]["tokens"]) << same;
}

TEST(GgufPath, AnswersInAChat) {
  const nlohmann::json answer = json_of(
      {"chat", model(), "--max-new-tokens", "4", "--ignore-eos", "--backend", "cpu", "--precision", "fp32", "--threads", "1"}, "who\n");
  EXPECT_EQ(answer["message"]["role"], "assistant") << answer;
  EXPECT_EQ(answer["generated_tokens"], 4);
}

TEST(GgufPath, IsShownAndListed) {
  const nlohmann::json shown = json_of({"models", "show", model()});
  EXPECT_EQ(shown["model_type"], "llama");
  EXPECT_TRUE(shown["dtype_bytes"].contains("Q8_0")) << shown;
  const nlohmann::json verified = json_of({"models", "verify", model()});
  EXPECT_EQ(verified["ok"], true);
  EXPECT_EQ(verified["unused_weights"], nlohmann::json::array());
  const nlohmann::json listed = json_of({"models", "list", fs::path(model()).parent_path().string()});
  int found = 0;
  for (const nlohmann::json& row : listed["models"])
    if (row["path"] == model()) {
      ++found;
      EXPECT_EQ(row["task"], "generate") << row;
    }
  EXPECT_EQ(found, 1);
}

TEST(GgufPath, OfABrokenFileIsRefusedInOneLine) {
  const TemporaryFolder folder;
  const std::string whole = read_text_file(model(), 1U << 20U);
  const fs::path cut = folder.write("cut.gguf", whole.substr(0, whole.size() / 2));
  for (const std::vector<std::string>& words : {std::vector<std::string>{"generate", cut.string(), "--prompt", "a"},
                                                {"models", "show", cut.string()},
                                                {"generate", folder.path().string(), "--prompt", "a"}}) {
    const ProgramResult result = run_program(words);
    EXPECT_EQ(result.exit_code, exit_code(ErrorKind::invalid_file)) << result.errors;
    EXPECT_NE(result.errors.find("cut.gguf: tensor "), std::string::npos) << result.errors;
    EXPECT_EQ(std::ranges::count(result.errors, '\n'), 1) << result.errors;
  }
}

}  // namespace
}  // namespace accelerate

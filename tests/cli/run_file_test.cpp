// Runs from a file to a file: order, errors, and what is left after a run that was stopped.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"
#include "support/created_model.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string contents(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<json> lines_of(const fs::path& file) {
  std::vector<json> values;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) values.push_back(json::parse(line));
  return values;
}

/// JSON lines of `count` texts of several lengths, no two alike.
std::string texts(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    std::string text = fmt::format("{}", i);
    for (int word = 0; word < i % 7; ++word) text += fmt::format(" {}", static_cast<char>('a' + (i + word) % 26));
    lines += fmt::format("\"{}\"\n", text);
  }
  return lines;
}

/// A model, and a folder for the files of runs over it.
struct Ground {
  explicit Ground(Task task = Task::embed) : model(task) {}

  CreatedModelFolder model;
  TemporaryFolder folder;

  fs::path output() const { return folder.path() / "out.jsonl"; }
  fs::path partial() const { return folder.path() / "out.jsonl.partial"; }
  fs::path state() const { return folder.path() / "out.jsonl.state"; }

  ProgramResult run(const fs::path& input, const std::vector<std::string>& more = {}, const ProgramOptions& options = {}) const {
    std::vector<std::string> words{"run", model.path().string(), "--input", input.string(), "--output", output().string()};
    const std::pair<const char*, const char*> usual[] = {{"--backend", "cpu"}, {"--precision", "fp32"}, {"--threads", "1"}};
    for (const auto& [name, value] : usual)
      if (std::ranges::find(more, name) == more.end()) words.insert(words.end(), {name, value});
    words.insert(words.end(), more.begin(), more.end());
    return run_program(words, options);
  }

  std::uint64_t lines_done() const {
    const json state = json::parse(contents(this->state()), nullptr, false);
    return state.is_object() ? state.at("lines").get<std::uint64_t>() : 0;
  }
};

TEST(RunFile, AnswersEachLineInOrder) {
  const Ground ground;
  const fs::path input = ground.folder.write("in.jsonl", "\"one\"\n\n{\"text\":\"two words\"}\n\"three\"");
  const ProgramResult result = ground.run(input);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_TRUE(result.output.starts_with("3 answers in ")) << result.output;
  const std::vector<json> answers = lines_of(ground.output());
  ASSERT_EQ(answers.size(), 3U);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].at("index"), i);
    EXPECT_EQ(answers[i].at("embedding").size(), 32U);
    EXPECT_EQ(answers[i].at("precision"), "fp32");
    EXPECT_EQ(answers[i].at("random_weights"), true);
  }
  EXPECT_EQ(answers[1].at("tokens"), 10);  // letters: a made-up vocabulary has no words
  EXPECT_FALSE(fs::exists(ground.partial()));
  EXPECT_FALSE(fs::exists(ground.state()));
}

TEST(RunFile, GivesTheNumbersOfARunWithoutFiles) {
  const Ground ground;
  const std::string lines = texts(40);
  ASSERT_EQ(ground.run(ground.folder.write("in.jsonl", lines), {"--json"}).output, "");
  const ProgramResult direct = run_program(
      {"run", ground.model.path().string(), "--input", "-", "--json", "--backend", "cpu", "--precision", "fp32", "--threads", "1"},
      {.input = lines});
  std::istringstream stream(direct.output);
  std::string line;
  for (const json& answer : lines_of(ground.output())) {
    ASSERT_TRUE(std::getline(stream, line));
    const json wanted = json::parse(line);
    EXPECT_EQ(answer.at("index"), wanted.at("index"));
    for (std::size_t i = 0; i < 32; ++i) EXPECT_NEAR(answer.at("embedding")[i].get<float>(), wanted.at("embedding")[i].get<float>(), 1e-5);
  }
  EXPECT_FALSE(std::getline(stream, line));
}

TEST(RunFile, ReadsTextsToo) {
  const Ground ground;
  const fs::path input = ground.folder.write("in.txt", "one\n\nthree\n");
  const ProgramResult result =
      run_program({"run", ground.model.path().string(), "--text-file", input.string(), "--output", ground.output().string()});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(lines_of(ground.output()).size(), 3U);
}

TEST(RunFile, ABrokenLineIsNamedAndMendedWithoutStartingAnew) {
  const Ground ground;
  const std::string whole = texts(1300);
  ASSERT_EQ(ground.run(ground.folder.write("in.jsonl", whole)).exit_code, 0);
  const std::string wanted = contents(ground.output());
  fs::remove(ground.output());

  std::string broken = whole;
  const std::size_t place = broken.find("\"1000");
  broken[place] = '{';
  const fs::path input = ground.folder.write("in.jsonl", broken);
  const ProgramResult failed = ground.run(input);
  EXPECT_EQ(failed.exit_code, 2);
  EXPECT_NE(failed.errors.find("in.jsonl line 1001: not valid JSON"), std::string::npos) << failed.errors;
  EXPECT_FALSE(fs::exists(ground.output()));
  EXPECT_EQ(ground.lines_done(), 1000U);

  // What a run that is killed while it writes leaves: more than the state tells of, and not even a whole line.
  std::ofstream(ground.partial(), std::ios::app) << "{\"index\":1000,\"embed";
  ground.folder.write("in.jsonl", whole);
  const ProgramResult mended = ground.run(input);
  EXPECT_EQ(mended.exit_code, 0) << mended.errors;
  EXPECT_NE(mended.output.find("1300 answers in"), std::string::npos);
  EXPECT_NE(mended.output.find("1000 of them from before"), std::string::npos) << mended.output;
  const std::vector<json> answers = lines_of(ground.output());
  ASSERT_EQ(answers.size(), 1300U);
  for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i].at("index"), i);
  EXPECT_EQ(contents(ground.output()).substr(0, 2000), wanted.substr(0, 2000));
}

TEST(RunFile, SkippedLinesSaySo) {
  const Ground ground(Task::fill_mask);
  const fs::path input = ground.folder.write("in.jsonl", "\"a [MASK]\"\n3\n\"no mask\"\n\"[MASK] b\"\n");
  const ProgramResult failed = ground.run(input);
  EXPECT_EQ(failed.exit_code, 2);
  EXPECT_NE(failed.errors.find("in.jsonl line 2: is 3, expected a text or an object"), std::string::npos) << failed.errors;

  const ProgramResult result = ground.run(input, {"--on-error", "skip"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE(result.output.find("1 of them from before, 2 of them errors"), std::string::npos) << result.output;
  const std::vector<json> answers = lines_of(ground.output());
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_TRUE(answers[0].contains("masks"));
  EXPECT_EQ(answers[1].at("line"), 2);
  EXPECT_NE(answers[1].at("error").get<std::string>().find("in.jsonl line 2: is 3"), std::string::npos);
  EXPECT_NE(answers[2].at("error").get<std::string>().find("in.jsonl line 3: has no [MASK]"), std::string::npos);
  EXPECT_TRUE(answers[3].contains("masks"));
  EXPECT_EQ(answers[3].at("index"), 3);
}

TEST(RunFile, RefusesWhatBelongsToAnotherRun) {
  const Ground ground;
  const fs::path input = ground.folder.write("in.jsonl", texts(600) + "3\n");
  ASSERT_EQ(ground.run(input).exit_code, 2);
  const auto refused = [&](const std::vector<std::string>& more, const fs::path& file, const char* message) {
    const ProgramResult result = ground.run(file, more);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.errors.find(message), std::string::npos) << result.errors;
    EXPECT_EQ(ground.lines_done(), 600U);
  };
  refused({"--precision", "bf16"}, input, "whose precision is 'fp32', and this run's is 'bf16'");
  refused({"--backend", "reference"}, input, "whose backend is 'cpu', and this run's is 'reference'");
  refused({"--dimensions", "4"}, input, "whose --dimensions is '', and this run's is '4'");
  refused({}, ground.folder.write("other.jsonl", "\"x\"\n" + texts(600)), "has the answers to 600 lines of");

  const CreatedModelFolder other_model(Task::embed, {.model_type = "distilbert"});
  const ProgramResult result = run_program({"run", other_model.path().string(), "--input", input.string(), "--output",
                                            ground.output().string(), "--backend", "cpu", "--precision", "fp32"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.errors.find("belongs to another run, whose model is"), std::string::npos) << result.errors;

  ground.folder.write("out.jsonl.state", "{");
  EXPECT_EQ(ground.run(input).exit_code, 4);
  fs::remove(ground.state());
  const ProgramResult stray = ground.run(input);
  EXPECT_EQ(stray.exit_code, 4);
  EXPECT_NE(stray.errors.find("is there without"), std::string::npos) << stray.errors;
}

TEST(RunFile, FinishesWhatOnlyLacksItsName) {
  const Ground ground;
  const fs::path input = ground.folder.write("in.jsonl", texts(520) + "3\n");
  ASSERT_EQ(ground.run(input).exit_code, 2);
  json state = json::parse(contents(ground.state()));
  state["finished"] = true;
  ground.folder.write("out.jsonl.state", state.dump());
  EXPECT_EQ(ground.run(input).exit_code, 0);
  EXPECT_EQ(lines_of(ground.output()).size(), 520U);

  ground.folder.write("out.jsonl.state", state.dump());  // the name was there already, and the state not yet gone
  EXPECT_EQ(ground.run(input).exit_code, 0);
  EXPECT_EQ(lines_of(ground.output()).size(), 520U);
  EXPECT_FALSE(fs::exists(ground.partial()));
  EXPECT_FALSE(fs::exists(ground.state()));
}

TEST(RunFile, IsFinishedAfterAnyNumberOfKills) {
  const Ground ground;
  constexpr int count = 30000;
  const fs::path input = ground.folder.write("in.jsonl", texts(count));
  int killed = 0;
  ProgramResult result;
  for (int round = 0; round < 4; ++round) {
    const std::uint64_t before = ground.lines_done();
    result = ground.run(input, {}, {.signal = [&] { return round < 3 && ground.lines_done() > before ? SIGKILL : 0; }});
    if (result.exit_code == -SIGKILL) ++killed;
    if (result.exit_code == 0) break;
  }
  EXPECT_GE(killed, 1);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  const std::vector<json> answers = lines_of(ground.output());
  ASSERT_EQ(answers.size(), static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < answers.size(); ++i) ASSERT_EQ(answers[i].at("index"), i);
}

TEST(RunFile, StopsAtCtrlCAndGoesOn) {
  const Ground ground;
  const fs::path input = ground.folder.write("in.jsonl", texts(20000));
  const ProgramResult stopped = ground.run(input, {}, {.signal = [&] { return ground.lines_done() > 0 ? SIGINT : 0; }});
  EXPECT_EQ(stopped.exit_code, 130) << stopped.errors;
  EXPECT_NE(stopped.errors.find("of 20000 lines are done; the same command goes on from there"), std::string::npos) << stopped.errors;
  const ProgramResult result = ground.run(input);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(lines_of(ground.output()).size(), 20000U);
}

TEST(RunFile, RanksAndClassifiesWithLabelsOfTheLine) {
  const Ground ground(Task::classify);
  const fs::path pairs = ground.folder.write("in.jsonl", R"({"text":"a","text_pair":"b"})"
                                                         "\n"
                                                         R"({"text":"a","pair":"b"})"
                                                         "\n");
  ASSERT_EQ(ground.run(pairs).exit_code, 0);
  const std::vector<json> answers = lines_of(ground.output());
  EXPECT_EQ(answers.at(0).at("labels"), answers.at(1).at("labels"));

  const ProgramResult several = run_program({"run", ground.model.path().string(), "--task", "rerank", "--query", "a", "b"});
  EXPECT_EQ(several.exit_code, 5);
  EXPECT_NE(several.errors.find("the model has 3 labels, expected one"), std::string::npos) << several.errors;
  const ProgramResult no_entailment = run_program({"run", ground.model.path().string(), "--task", "zero-shot", "--labels", "a,b", "c"});
  EXPECT_EQ(no_entailment.exit_code, 5);
  EXPECT_NE(no_entailment.errors.find("expected one that begins with 'entail'"), std::string::npos) << no_entailment.errors;
}

TEST(RunFile, OptionsOfFilesNeedFiles) {
  const Ground ground;
  EXPECT_EQ(run_program({"run", ground.model.path().string(), "a", "--restart"}).exit_code, 2);
  EXPECT_EQ(ground.run(ground.folder.write("in.jsonl", "\"a\"\n"), {"--prompt", "query"}).exit_code, 2);
  EXPECT_EQ(ground.run(ground.folder.write("in.jsonl", "\"a\"\n"), {"--dimensions", "33"}).exit_code, 2);
  EXPECT_FALSE(fs::exists(ground.partial()));
}

}  // namespace
}  // namespace accelerate

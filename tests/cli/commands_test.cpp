// Each command once, from the command line to what it prints and writes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"
#include "formats/safetensors.h"
#include "support/created_model.h"

namespace accelerate {
namespace {

using nlohmann::json;

/// The output's lines as JSON values; fails the test when the program failed.
std::vector<json> json_lines(const ProgramResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  std::vector<json> values;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) values.push_back(json::parse(line));
  return values;
}

TEST(Run, EmbedsArgumentsFilesAndStandardInputInOrder) {
  const CreatedModelFolder model(Task::embed);
  const TemporaryFolder folder;
  const std::string texts = folder.write("in.txt", "two words\n\nthree").string();
  const std::string lines = folder.write("in.jsonl", "\"four\"\n{\"text\":\"five\"}\n").string();
  const std::vector<json> answers = json_lines(run_program(
      {"run", model.path().string(), "one", "-", "--text-file", texts, "--input", lines, "--json"}, {.input = "from standard input\n"}));
  ASSERT_EQ(answers.size(), 7U);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].at("index"), i);
    EXPECT_EQ(answers[i].at("embedding").size(), 32U);
    EXPECT_EQ(answers[i].at("truncated"), false);
    EXPECT_EQ(answers[i].at("precision"), "fp32");
    EXPECT_EQ(answers[i].at("random_weights"), true);
    EXPECT_FALSE(answers[i].at("implementation").get<std::string>().empty());
  }
  EXPECT_EQ(answers[3].at("tokens"), 2);  // an empty line is an empty text
}

TEST(Run, WritesAFileInPlaceOfTheOutput) {
  const CreatedModelFolder model(Task::embed);
  const TemporaryFolder folder;
  const std::string output = (folder.path() / "out.jsonl").string();
  const ProgramResult result = run_program({"run", model.path().string(), "a", "b", "--json", "--output", output});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(result.output, "");
  std::ifstream file(output);
  std::string line;
  int count = 0;
  while (std::getline(file, line)) EXPECT_EQ(json::parse(line).at("index"), count++);
  EXPECT_EQ(count, 2);
}

TEST(Run, SaysInEveryAnswerWhetherItsTextWasCut) {
  const CreatedModelFolder model(Task::embed, {.sentence = SentenceShape{PoolingMode::mean, true, 8}});
  const std::vector<json> answers = json_lines(run_program({"run", model.path().string(), "a b c d e f g h i j", "a", "--json"}));
  EXPECT_EQ(answers.at(0).at("truncated"), true);
  EXPECT_EQ(answers.at(1).at("truncated"), false);
  EXPECT_NE(run_program({"run", model.path().string(), "a b c d e f g h i j"}).output.find("the end was not read"), std::string::npos);
}

TEST(Run, ShowsTheNearestPairsAndWhatRanWhere) {
  const CreatedModelFolder model(Task::embed);
  const ProgramResult result =
      run_program({"run", model.path().string(), "a boat", "seven ferries", "a boat", "--nearest", "1", "--backend", "reference"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_TRUE(result.output.starts_with("1.0000  a boat\n        a boat\n")) << result.output;
  EXPECT_NE(result.output.find("fp32 on reference"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("random weights"), std::string::npos) << result.output;
}

TEST(Run, DoesEveryTask) {
  const CreatedModelFolder masked(Task::fill_mask);
  const json filled = json_lines(run_program({"run", masked.path().string(), "a [MASK]", "--top-k", "2", "--json"})).at(0);
  EXPECT_EQ(filled.at("masks").at(0).size(), 2U);

  const CreatedModelFolder classifier(Task::classify);
  const json classified = json_lines(run_program({"run", classifier.path().string(), "a", "--json"})).at(0);
  EXPECT_EQ(classified.at("labels").size(), 3U);

  const CreatedModelFolder tagger(Task::tag);
  EXPECT_TRUE(json_lines(run_program({"run", tagger.path().string(), "Ada", "--json"})).at(0).at("entities").is_array());

  const CreatedModelFolder answerer(Task::answer);
  const json answer = json_lines(run_program({"run", answerer.path().string(), "who", "--context", "Ada", "--json"})).at(0);
  EXPECT_EQ(answer.at("answer"), "Ada");
  EXPECT_EQ(answer.at("end"), 3);
}

TEST(ProcessAndForward, AreTwoHalvesOfRun) {
  const CreatedModelFolder model(Task::embed);
  const TemporaryFolder folder;
  const std::string texts = folder.write("in.txt", "a boat\nthe ferry departs\n").string();
  const std::string inputs = (folder.path() / "inputs.safetensors").string();
  const std::string outputs = (folder.path() / "outputs.safetensors").string();
  ASSERT_EQ(run_program({"process", model.path().string(), "--text-file", texts, "--outputs", inputs}).exit_code, 0);
  const ProgramResult forward = run_program({"forward", model.path().string(), "--inputs", inputs, "--outputs", outputs, "--json"});
  ASSERT_EQ(forward.exit_code, 0) << forward.errors;
  EXPECT_EQ(json::parse(forward.output).at("outputs").at("pooler_output"), (json{2, 32}));

  const Tensor states = SafetensorsFile::open(outputs).tensor("last_hidden_state");
  const Tensor mask = SafetensorsFile::open(inputs).tensor("attention_mask");
  const json embedding = json_lines(run_program({"run", model.path().string(), "a boat", "--json"})).at(0).at("embedding");
  std::int64_t tokens = 0;
  for (std::int64_t value : mask.values<std::int64_t>().first(static_cast<std::size_t>(mask.dim(1)))) tokens += value;
  for (std::size_t column = 0; column < 32; ++column) {
    double sum = 0;
    for (std::int64_t t = 0; t < tokens; ++t) sum += states.values<float>()[static_cast<std::size_t>(t) * 32 + column];
    EXPECT_NEAR(embedding.at(column).get<double>(), sum / static_cast<double>(tokens), 1e-5);
  }
}

TEST(Bench, PrintsEveryFigure) {
  const CreatedModelFolder model(Task::embed);
  const json report = json_lines(run_program({"bench", model.path().string(), "--batch", "3", "--tokens", "7", "--rounds", "2", "--warmup",
                                              "0", "--min-time", "0", "--threads", "1", "--json"}))
                          .at(0);
  for (const char* key : {"model", "backend", "device", "isa", "precision", "threads", "batch", "tokens", "latency_ms", "tokens_per_second",
                          "sequences_per_second", "load_ms", "peak_rss_bytes"})
    EXPECT_TRUE(report.contains(key)) << key;
  EXPECT_EQ(report.at("batch"), 3);
  EXPECT_EQ(report.at("tokens"), 7);
  EXPECT_EQ(report.at("threads"), 1);
  EXPECT_EQ(report.at("random_weights"), true);
  const double median = report.at("latency_ms").at("median");
  EXPECT_GT(median, 0);
  EXPECT_LE(report.at("latency_ms").at("p10"), median);
  EXPECT_GE(report.at("latency_ms").at("p90"), median);
  EXPECT_NEAR(report.at("tokens_per_second").get<double>(), 21 / (median / 1000), 1);
  EXPECT_GT(report.at("peak_rss_bytes"), 1 << 20);
}

TEST(Fallback, IsOnOrOff) {
  const CreatedModelFolder model(Task::embed);
  const std::string path = model.path().string();
  EXPECT_FALSE(json_lines(run_program({"run", path, "one", "--fallback", "off", "--json"})).at(0).contains("notes"));
  EXPECT_EQ(run_program({"run", path, "one", "--fallback", "maybe"}).exit_code, 2);
}

TEST(Bench, WorkerAnswersALineForALine) {
  const CreatedModelFolder model(Task::embed);
  const std::vector<json> lines = json_lines(run_program({"bench", model.path().string(), "--worker"},
                                                         {.input = "{\"lengths\":[3,5],\"rounds\":4}\n{\"lengths\":[41]}\nnonsense\n"}));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_TRUE(lines[0].contains("load_ms"));
  EXPECT_EQ(lines[1].at("milliseconds").size(), 4U);
  EXPECT_EQ(lines[2].at("error").at("kind"), "invalid_argument");
  EXPECT_EQ(lines[3].at("error").at("kind"), "invalid_file");
}

TEST(Devices, NamesBackendsInstructionSetsAndReasons) {
  const json devices = json_lines(run_program({"devices", "--json"})).at(0);
  EXPECT_GE(devices.at("machine").at("usable_cores"), 1);
  EXPECT_EQ(devices.at("isas").size(), 4U);
  for (const json& backend : devices.at("backends")) EXPECT_NE(backend.at("devices").empty(), !backend.contains("reason")) << backend;
  EXPECT_NE(run_program({"devices"}).output.find("Backends"), std::string::npos);
}

TEST(Models, CreateShowVerifyAndList) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "tiny").string();
  const json created =
      json_lines(run_program({"models", "create", "bert-tiny", path, "--task", "classify", "--seed", "9", "--json"})).at(0);
  EXPECT_EQ(created.at("random_weights"), true);

  const json shown = json_lines(run_program({"models", "show", path, "--json", "--passes", "-fuse_qkv", "--graph", "text"})).at(0);
  EXPECT_EQ(shown.at("head"), "sequence_classification");
  EXPECT_EQ(shown.at("parameters"), created.at("parameters"));
  EXPECT_EQ(shown.at("hidden_size"), 128);
  EXPECT_EQ(shown.at("random_weights"), true);
  for (const json& pass : shown.at("passes")) EXPECT_NE(pass.at("pass"), "fuse_qkv");
  EXPECT_NE(shown.at("graph").get<std::string>().find("attention"), std::string::npos);
  EXPECT_TRUE(run_program({"models", "show", path, "--graph", "dot"}).output.starts_with("digraph"));
  EXPECT_NE(run_program({"models", "show", path, "--passes"}).output.find("RANDOM WEIGHTS"), std::string::npos);

  const json verified = json_lines(run_program({"models", "verify", path, "--json"})).at(0);
  EXPECT_EQ(verified.at("ok"), true);
  EXPECT_EQ(verified.at("unused_weights"), json::array());

  folder.write("other/config.json", R"({"model_type":"gpt9"})");
  const json listed = json_lines(run_program({"models", "list", folder.path().string(), "--json"})).at(0);
  ASSERT_EQ(listed.at("models").size(), 2U);
  EXPECT_NE(listed.at("models").at(0).at("problem").get<std::string>().find("gpt9"), std::string::npos);
  EXPECT_EQ(listed.at("models").at(1).at("task"), "classify");
}

TEST(Models, CreateTakesAnyConfig) {
  const CreatedModelFolder model(Task::embed);
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "again").string();
  const std::string config = (model.path() / "config.json").string();
  EXPECT_EQ(run_program({"models", "create", "--config", config, path, "--task", "tag"}).exit_code, 0);
  EXPECT_EQ(json_lines(run_program({"models", "show", path, "--json"})).at(0).at("architecture"), "BertForTokenClassification");
}

TEST(Help, TellsOfEveryCommandInOneScreen) {
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{},
                                                                                       {"run"},
                                                                                       {"process"},
                                                                                       {"forward"},
                                                                                       {"bench"},
                                                                                       {"devices"},
                                                                                       {"models", "list"},
                                                                                       {"models", "show"},
                                                                                       {"models", "create"},
                                                                                       {"models", "verify"}}) {
    std::vector<std::string> words = command;
    words.emplace_back("--help");
    const ProgramResult result = run_program(words);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_NE(result.output.find("Usage"), std::string::npos);
    EXPECT_LE(std::ranges::count(result.output, '\n'), 56) << result.output;
  }
  EXPECT_TRUE(run_program({"--version"}).output.starts_with("ipfs-accelerate 0."));
}

}  // namespace
}  // namespace accelerate

// What is chosen where options are left open, and how the program explains it.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/program.h"
#include "support/created_model.h"

namespace accelerate {
namespace {

using nlohmann::json;

json json_of(const ProgramResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  return json::parse(result.output);
}

/// A model and a cache folder that nothing else uses.
struct Place {
  CreatedModelFolder model{Task::embed};
  TemporaryFolder cache;

  ProgramResult run(std::vector<std::string> arguments) const {
    return run_program(arguments, {.environment = {"ACCELERATE_CACHE=" + cache.path().string()}});
  }
  ProgramResult explain(std::vector<std::string> more) const {
    more.insert(more.begin(), {"devices", "--explain", model.path().string()});
    return run(more);
  }
};

TEST(Explain, ShowsEveryCandidateAndTheFileThatKeepsThem) {
  const Place place;
  const json report = json_of(place.explain({"--accuracy", "0.5", "--backend", "cpu", "--threads", "1", "--json"}));
  EXPECT_EQ(report.at("candidates").size(), 4U);
  int chosen = 0;
  for (const json& row : report.at("candidates")) {
    EXPECT_EQ(row.at("backend"), "cpu");
    EXPECT_GT(row.at("latency_ms"), 0);
    EXPECT_GT(row.at("tokens_per_second"), 0);
    EXPECT_LE(row.at("agreement"), 1);
    EXPECT_EQ(row.contains("slower"), !row.at("chosen").get<bool>()) << row;
    chosen += row.at("chosen").get<bool>() ? 1 : 0;
  }
  EXPECT_EQ(chosen, 1);
  EXPECT_TRUE(std::filesystem::exists(report.at("file").get<std::string>()));
  EXPECT_TRUE(std::filesystem::path(report.at("file").get<std::string>()).string().starts_with(place.cache.path().string()));
}

TEST(Explain, TellsWhatASessionDoes) {
  const Place place;
  const std::vector<std::string> open{"--accuracy", "0.5", "--backend", "cpu", "--threads", "1", "--json"};
  const json explained = json_of(place.explain(open)).at("candidates").at(0);
  std::vector<std::string> words{"run", place.model.path().string(), "a boat"};
  words.insert(words.end(), open.begin(), open.end());
  const json answer = json_of(place.run(words));
  EXPECT_EQ(answer.at("precision"), explained.at("precision"));
  EXPECT_EQ(answer.at("choice").at("why"), "measured");
  EXPECT_EQ(answer.at("choice").at("prefer"), "latency");
  EXPECT_EQ(answer.at("choice").at("alternatives").size(), 3U);
  for (const json& row : answer.at("choice").at("alternatives")) EXPECT_TRUE(row.at("slower").is_number()) << row;
}

TEST(Explain, NamesWhatIsNotMeasuredAndMeasuresAgainWhenAsked) {
  const Place place;
  const std::vector<std::string> narrow{"--precision", "fp32", "--threads", "1"};
  const ProgramResult first = place.explain(narrow);
  EXPECT_EQ(first.exit_code, 0) << first.errors;
  EXPECT_NE(first.output.find("* cpu"), std::string::npos) << first.output;
  EXPECT_NE(first.output.find("reference               not measured"), std::string::npos) << first.output;
  EXPECT_EQ(place.explain(narrow).output, first.output) << "the same measurements";
  std::vector<std::string> again = narrow;
  again.emplace_back("--recalibrate");
  EXPECT_NE(place.explain(again).output, first.output);
  EXPECT_EQ(place.run({"devices", "--recalibrate"}).exit_code, 2);
}

TEST(Choice, OfNamedOptionsMeasuresNothing) {
  const Place place;
  const std::string model = place.model.path().string();
  const json fixed = json_of(place.run({"run", model, "a", "--backend", "cpu", "--precision", "bf16", "--json"})).at("choice");
  EXPECT_EQ(fixed, (json{{"why", "fixed"}, {"prefer", "latency"}, {"alternatives", json::array()}}));
  EXPECT_TRUE(std::filesystem::is_empty(place.cache.path()));
}

TEST(Choice, StandsInEveryAnswer) {
  const Place place;
  const std::string model = place.model.path().string();
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"run", model, "a", "--json"}, {"bench", model, "--tokens", "8", "--rounds", "1", "--min-time", "0", "--json"}}) {
    const json answer = json_of(place.run(words));
    for (const char* key : {"backend", "device", "implementation", "precision", "choice"}) EXPECT_TRUE(answer.contains(key)) << key;
  }
}

/// The libraries that a run loads, as the dynamic linker tells them.
std::string loaded_by(const Place& place, const std::vector<std::string>& arguments, ProgramResult& result) {
  const TemporaryFolder told;
  result = run_program(arguments, {.environment = {"ACCELERATE_CACHE=" + place.cache.path().string(), "LD_DEBUG=files",
                                                   "LD_DEBUG_OUTPUT=" + (told.path() / "linker").string()}});
  std::string all;
  for (const auto& file : std::filesystem::directory_iterator(told.path())) all += read_text_file(file.path(), std::size_t{1} << 28);
  return all;
}

TEST(Choice, ThatIsKnownLoadsNoBackendButTheOneChosen) {
  const Place place;
  const std::vector<std::string> words{"run", place.model.path().string(), "a boat", "--json"};
  ProgramResult first;
  ProgramResult second;
  const std::string before = loaded_by(place, words, first);
  const std::string after = loaded_by(place, words, second);
  EXPECT_EQ(json_of(second), json_of(first));
  const std::string chosen = json_of(first).at("backend");
  for (const std::string other : {"openvino", "cuda"}) {
    const std::string module = "libipfs_accelerate_" + other + ".so";
    if (other == chosen) continue;
    EXPECT_EQ(after.find(module), std::string::npos) << module << " was loaded";
  }
  EXPECT_NE(after.find("libipfs_accelerate.so"), std::string::npos) << "the linker told nothing";
  EXPECT_GE(before.size(), after.size());
}

TEST(Choice, ThatIsNotedWronglyIsMadeAgain) {
  const Place place;
  const std::vector<std::string> words{"run", place.model.path().string(), "a boat", "--json"};
  const json first = json_of(place.run(words));
  const std::filesystem::path folder = place.cache.path() / "calibrations";
  const auto noted = [&] {
    for (const auto& file : std::filesystem::directory_iterator(folder))
      if (file.path().extension() == ".choice") return file.path();
    return std::filesystem::path();
  };
  ASSERT_FALSE(noted().empty());
  const std::string right = read_text_file(noted(), 64);
  for (const std::string& wrong :
       {std::string(), right.substr(0, 5), "../" + right, std::string("0123456789abcdef"), std::string(1000, 'a')}) {
    std::ofstream(noted(), std::ios::trunc) << wrong;
    EXPECT_EQ(json_of(place.run(words)), first);
    EXPECT_EQ(read_text_file(noted(), 64), right);
  }
}

TEST(Choice, WorksWithACacheFolderThatCannotBeWritten) {
  const Place place;
  const std::string file = place.cache.write("file", "no folder").string();
  const ProgramResult result =
      run_program({"run", place.model.path().string(), "a", "--backend", "cpu", "--threads", "1", "--accuracy", "0.5", "--json"},
                  {.environment = {"ACCELERATE_CACHE=" + file}});
  EXPECT_NE(json_of(result).at("choice").at("note").get<std::string>().find("not kept"), std::string::npos) << result.output;
}

TEST(Choice, RefusesWishesThatMeanNothing) {
  const Place place;
  const std::string model = place.model.path().string();
  EXPECT_EQ(place.run({"run", model, "a", "--prefer", "speed"}).exit_code, 2);
  EXPECT_EQ(place.run({"run", model, "a", "--accuracy", "7"}).exit_code, 2);
  EXPECT_EQ(place.run({"run", model, "a", "--accuracy", "0.9", "--precision", "int8"}).exit_code, 2);
}

}  // namespace
}  // namespace accelerate

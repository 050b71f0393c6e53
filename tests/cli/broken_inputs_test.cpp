// What a caller gets for each kind of broken input: an exit code that tells its kind, and one line that names what is wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"
#include "formats/safetensors.h"
#include "ipfs_accelerate/error.h"
#include "support/created_model.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

/// A model that works, and a folder beside it, for a case to break.
struct Ground {
  CreatedModelFolder model{Task::embed};
  TemporaryFolder folder;

  fs::path weights() const { return model.path() / "model.safetensors"; }

  /// A safetensors file with these token ids, in rows of `columns`.
  fs::path ids(const std::vector<std::int64_t>& values, std::int64_t columns) const {
    const fs::path path = folder.path() / "ids.safetensors";
    const auto rows = static_cast<std::int64_t>(values.size()) / columns;
    write_safetensors(path, {{"input_ids", Tensor::from<std::int64_t>(values, {rows, columns})}});
    return path;
  }

  /// Changes one field of config.json.
  void set(const std::string& field, const nlohmann::json& value) const {
    std::ostringstream text;
    text << std::ifstream(model.path() / "config.json").rdbuf();
    nlohmann::json config = nlohmann::json::parse(text.str());
    config[field] = value;
    std::ofstream(model.path() / "config.json") << config;
  }
};

using Words = std::vector<std::string>;

struct BrokenInput {
  std::string name;
  std::function<Words(const Ground&)> arrange;  ///< breaks something and gives the command line
  ErrorKind kind;
  std::string fragment;  ///< of the message

  friend void PrintTo(const BrokenInput& input, std::ostream* out) { *out << input.name; }
};

Words run(const Ground& ground, Words more = {"a boat"}) {
  Words words{"run", ground.model.path().string()};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Words forward(const Ground& ground, const fs::path& inputs, const fs::path& outputs) {
  return {"forward", ground.model.path().string(), "--inputs", inputs.string(), "--outputs", outputs.string()};
}

Words forward(const Ground& ground, const fs::path& inputs) { return forward(ground, inputs, ground.folder.path() / "out.safetensors"); }

const std::vector<BrokenInput> cases{
    {"MissingFolder", [](const Ground& g) { return Words{"run", (g.folder.path() / "none").string(), "a"}; }, ErrorKind::not_found,
     "no such folder"},
    {"FolderIsFile", [](const Ground& g) { return Words{"run", g.folder.write("file", "x").string(), "a"}; }, ErrorKind::invalid_argument,
     "is no folder"},
    {"MissingConfig", [](const Ground& g) { return Words{"run", g.folder.path().string(), "a"}; }, ErrorKind::not_found,
     "has no config.json"},
    {"ConfigIsNoJson",
     [](const Ground& g) {
       std::ofstream(g.model.path() / "config.json") << "{";
       return run(g);
     },
     ErrorKind::invalid_file, "config.json"},
    {"UnknownModelType",
     [](const Ground& g) {
       g.set("model_type", "gpt9");
       return run(g);
     },
     ErrorKind::unsupported, "model_type 'gpt9' is not one of albert, bart, bert, "},
    {"UnknownHead",
     [](const Ground& g) {
       g.set("architectures", {"BertForDancing"});
       return run(g);
     },
     ErrorKind::unsupported, "BertForDancing"},
    {"MissingWeights",
     [](const Ground& g) {
       fs::remove(g.weights());
       return run(g);
     },
     ErrorKind::not_found, "model.safetensors"},
    {"TruncatedWeights",
     [](const Ground& g) {
       fs::resize_file(g.weights(), fs::file_size(g.weights()) / 2);
       return run(g);
     },
     ErrorKind::invalid_file, "model.safetensors"},
    {"HugeHeader",
     [](const Ground& g) {
       std::fstream file(g.weights(), std::ios::in | std::ios::out | std::ios::binary);
       file.write("\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
       file.close();
       return run(g);
     },
     ErrorKind::invalid_file, "header"},
    {"WrongShape",
     [](const Ground& g) {
       g.set("intermediate_size", 48);
       return run(g);
     },
     ErrorKind::invalid_file, "is [64, 32], expected [48, 32]"},
    {"MissingTensor",
     [](const Ground& g) {
       g.set("num_hidden_layers", 3);
       return run(g);
     },
     ErrorKind::invalid_file, "encoder.layer.2."},
    {"MissingTokenizer",
     [](const Ground& g) {
       fs::remove(g.model.path() / "tokenizer.json");
       return run(g);
     },
     ErrorKind::not_found, "tokenizer.json"},
    {"TokenOutOfRange", [](const Ground& g) { return forward(g, g.ids({5, 200}, 2)); }, ErrorKind::invalid_argument, "200"},
    {"NegativeToken", [](const Ground& g) { return forward(g, g.ids({5, -1}, 2)); }, ErrorKind::invalid_argument, "-1"},
    {"TooManyTokens", [](const Ground& g) { return forward(g, g.ids(std::vector<std::int64_t>(82, 5), 41)); }, ErrorKind::invalid_argument,
     "sequence 0: a text of 41 tokens is longer than the model's 40 positions"},
    {"TextTooLong", [](const Ground& g) { return run(g, {std::string(100, '.'), "--no-truncate"}); }, ErrorKind::invalid_argument,
     "input 0: a text of 102 tokens is longer than the model's 40"},
    {"MissingInputs", [](const Ground& g) { return forward(g, g.folder.path() / "none.safetensors"); }, ErrorKind::not_found,
     "none.safetensors"},
    {"InputsAreAFolder", [](const Ground& g) { return forward(g, g.folder.path()); }, ErrorKind::invalid_file,
     "is a folder, expected a file"},
    {"InputsBelowAFile", [](const Ground& g) { return forward(g, g.folder.write("file", "x") / "below"); }, ErrorKind::not_found, "below"},
    {"InputsOfAnotherModel",
     [](const Ground& g) {
       write_safetensors(g.folder.path() / "pixels", {{"pixel_values", Tensor::zeros(DType::float32, {1, 3, 8, 8})}});
       return forward(g, g.folder.path() / "pixels");
     },
     ErrorKind::invalid_argument, "input 'pixel_values' is not one of input_ids"},
    {"OutputsBelowAFile", [](const Ground& g) { return forward(g, g.ids({5, 6}, 2), g.folder.write("file", "x") / "below"); },
     ErrorKind::not_found, "below"},
    {"OutputsAreAFolder", [](const Ground& g) { return forward(g, g.ids({5, 6}, 2), g.folder.path()); }, ErrorKind::io, "is a folder"},
    {"OutputRefused", [](const Ground& g) { return forward(g, g.ids({5, 6}, 2), "/sys/out.safetensors"); }, ErrorKind::io,
     "/sys/out.safetensors: cannot write"},
    {"AnswersBelowNothing", [](const Ground& g) { return run(g, {"a", "--output", (g.folder.path() / "none" / "x").string()}); },
     ErrorKind::not_found, "--output"},
    {"TextFileMissing", [](const Ground& g) { return run(g, {"--text-file", (g.folder.path() / "none.txt").string()}); },
     ErrorKind::not_found, "none.txt"},
    {"BadJsonLine",
     [](const Ground& g) { return run(g, {"--input", g.folder.write("in.jsonl", "{\"text\":\"a\"}\n\n{\"text\"\n").string()}); },
     ErrorKind::invalid_argument, "in.jsonl line 3"},
    {"JsonLineWithoutText",
     [](const Ground& g) { return run(g, {"--input", g.folder.write("in.jsonl", "\"a\"\n{\"txt\":1}\n").string()}); },
     ErrorKind::invalid_argument, "in.jsonl line 2: has no \"text\""},
    {"TextIsNoText", [](const Ground& g) { return run(g, {"--input", g.folder.write("in.jsonl", "{\"text\":7}").string()}); },
     ErrorKind::invalid_argument, "line 1: \"text\" is 7"},
    {"TextIsNotUtf8", [](const Ground& g) { return run(g, {"--text-file", g.folder.write("in.txt", "a\n\xff\n").string()}); },
     ErrorKind::invalid_argument, "not UTF-8"},
    {"NoInput", [](const Ground& g) { return run(g, {}); }, ErrorKind::invalid_argument, "no input"},
    {"WrongTask", [](const Ground& g) { return run(g, {"a", "--task", "answer"}); }, ErrorKind::invalid_argument,
     "task 'answer' needs a model with a question_answering head"},
    {"UnknownTask", [](const Ground& g) { return run(g, {"a", "--task", "sing"}); }, ErrorKind::invalid_argument,
     "task 'sing' is not one of"},
    {"PairForEmbed", [](const Ground& g) { return run(g, {"--input", g.folder.write("in.jsonl", R"({"text":"a","pair":"b"})").string()}); },
     ErrorKind::invalid_argument, "input 0: is a pair"},
    {"UnknownBackend", [](const Ground& g) { return run(g, {"a", "--backend", "gpu"}); }, ErrorKind::invalid_argument,
     "backend 'gpu' is not one of cpu"},
    {"AbsentBackend", [](const Ground& g) { return run(g, {"a", "--backend", "cuda"}); }, ErrorKind::unavailable,
     "backend 'cuda' cannot run here: "},
    {"PrecisionOfAnother", [](const Ground& g) { return run(g, {"a", "--backend", "cpu", "--precision", "fp16"}); }, ErrorKind::unsupported,
     "precision 'fp16': backend cpu computes in fp32, bf16, int8, int4"},
    {"UnknownPrecision", [](const Ground& g) { return run(g, {"a", "--precision", "half"}); }, ErrorKind::invalid_argument,
     "precision 'half': expected auto, fp32"},
    {"UnknownPass", [](const Ground& g) { return run(g, {"a", "--passes", "-fuse_nothing"}); }, ErrorKind::invalid_argument,
     "fuse_nothing"},
    {"PassWithoutMinus", [](const Ground& g) { return run(g, {"a", "--passes", "fuse_qkv"}); }, ErrorKind::invalid_argument,
     "expected -NAME"},
    {"NumberIsNoNumber", [](const Ground& g) { return run(g, {"a", "--threads", "two"}); }, ErrorKind::invalid_argument, "--threads"},
    {"UnknownOption", [](const Ground& g) { return run(g, {"a", "--quickly"}); }, ErrorKind::invalid_argument, "--quickly"},
    {"UnknownCommand", [](const Ground&) { return Words{"fly"}; }, ErrorKind::invalid_argument, "command 'fly' is not one of run"},
    {"NoCommand", [](const Ground&) { return Words{}; }, ErrorKind::invalid_argument, "subcommand"},
    {"UnknownShape", [](const Ground& g) { return Words{"models", "create", "gpt-9", (g.folder.path() / "x").string()}; },
     ErrorKind::invalid_argument, "'gpt-9' is not one of"},
    {"FolderInUse", [](const Ground& g) { return Words{"models", "create", "bert-tiny", g.model.path().string()}; },
     ErrorKind::invalid_argument, "--force"},
    {"NotFiniteWeights",
     [](const Ground& g) {
       const SafetensorsFile file = SafetensorsFile::open(g.weights());
       TensorMap tensors = file.tensors();
       Tensor bias = Tensor::zeros(DType::float32, {32});
       bias.mutable_values<float>()[3] = std::numeric_limits<float>::quiet_NaN();
       tensors.insert_or_assign("bert.pooler.dense.bias", bias);
       write_safetensors(g.weights(), tensors);
       return Words{"models", "verify", g.model.path().string()};
     },
     ErrorKind::invalid_file, "1 weights hold NaN or infinite numbers, bert.pooler.dense.bias the first"},
};

class BrokenInputs : public testing::TestWithParam<BrokenInput> {};

TEST_P(BrokenInputs, GetAnExitCodeAndOneLine) {
  const Ground ground;
  const ProgramResult result = run_program(GetParam().arrange(ground));
  EXPECT_EQ(result.exit_code, exit_code(GetParam().kind)) << result.errors;
  EXPECT_TRUE(result.errors.starts_with("ipfs-accelerate: ")) << result.errors;
  EXPECT_NE(result.errors.find(GetParam().fragment), std::string::npos) << result.errors;
  EXPECT_EQ(std::ranges::count(result.errors, '\n'), 1) << result.errors;
}

TEST_P(BrokenInputs, GetJsonWhereItWasAskedFor) {
  const Ground ground;
  Words words = GetParam().arrange(ground);
  words.emplace_back("--json");
  const ProgramResult result = run_program(words);
  EXPECT_EQ(result.exit_code, exit_code(GetParam().kind)) << result.errors;
  const nlohmann::json error = nlohmann::json::parse(result.errors).at("error");
  EXPECT_EQ(error.at("kind"), name_of(GetParam().kind));
  EXPECT_NE(error.at("message").get<std::string>().find(GetParam().fragment), std::string::npos) << error;
}

INSTANTIATE_TEST_SUITE_P(All, BrokenInputs, testing::ValuesIn(cases), [](const auto& test) { return test.param.name; });

TEST(BrokenSurroundings, AnInstructionSetThatTheMachineLacksIsRefused) {
  const Ground ground;
  const ProgramResult unknown = run_program(run(ground), {.environment = {"ACCELERATE_CPU_ISA=sse9"}});
  EXPECT_EQ(unknown.exit_code, exit_code(ErrorKind::invalid_argument)) << unknown.errors;
  EXPECT_NE(unknown.errors.find("sse9"), std::string::npos);
}

TEST(BrokenSurroundings, AFullDiskIsReported) {
  const Ground ground;
  const ProgramResult result = run_program(run(ground, {"a", "--json"}), {.output = "/dev/full"});
  EXPECT_EQ(result.exit_code, exit_code(ErrorKind::io)) << result.errors;
  EXPECT_NE(result.errors.find("standard output"), std::string::npos) << result.errors;
}

}  // namespace
}  // namespace accelerate

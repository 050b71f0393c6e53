// Texts as the requests that translate or summarize them.
#include "tasks/write.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "support/created_model.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;
using Tokens = std::vector<std::int64_t>;

/// A small model whose config.json tells how it does tasks.
class WritingModel {
 public:
  explicit WritingModel(std::string_view model_type, const Json& further = Json::object()) {
    Json config = CreatedModelFolder::config(model_type, 40);
    config["vocab_size"] = 900;
    config.update(further);
    create_model(std::move(config), folder_.path(), {.head = Head::conditional_generation, .overwrite = true});
  }

  const fs::path& path() const { return folder_.path(); }

  std::unique_ptr<TextGenerator> generator() const {
    return std::make_unique<TextGenerator>(open_model_folder(path()),
                                           GenerationSessionOptions{.session = {.backend = "cpu", .precision = "fp32", .threads = 1}});
  }

 private:
  TemporaryFolder folder_;
};

const Json t5_tasks{{"summarization", {{"prefix", "sum: "}, {"num_beams", 4}, {"length_penalty", 2.0}, {"max_length", 30}}},
                    {"translation_en_to_de", {{"prefix", "en to de: "}, {"num_beams", 2}}}};

TEST(TextWriter, SetsTheModelsWordsBeforeTextsAndTakesItsOptions) {
  const WritingModel model("t5", {{"task_specific_params", t5_tasks}});
  const auto generator = model.generator();
  const TextWriter summaries(*generator, {.task = Task::summarize, .generation = {.num_beams = 3}});
  const TextToAnswer text = summaries.prepare("a boat");
  EXPECT_EQ(text.request.prompt, generator->encode("sum: a boat"));
  EXPECT_FALSE(text.truncated);
  EXPECT_EQ(text.request.options.num_beams, 3);  // the caller's
  EXPECT_EQ(text.request.options.length_penalty, 2.0);
  EXPECT_EQ(text.request.options.max_length, 30);
  const TextWriter german(*generator, {.task = Task::translate, .source_language = "en", .target_language = "de"});
  EXPECT_EQ(german.prepare("a boat").request.prompt, generator->encode("en to de: a boat"));
  EXPECT_EQ(german.prepare("a boat").request.options.num_beams, 2);
  EXPECT_FALSE(german.prepare("a boat").request.options.forced_bos_token_id);
  expect_error(ErrorKind::invalid_argument, "does not translate from 'en' to 'fr': it has neither such languages nor translation_en_to_fr",
               [&] { TextWriter(*generator, {.source_language = "en", .target_language = "fr"}); });
}

TEST(TextWriter, CutsWhatIsTooLongWhereItMay) {
  const WritingModel model("bart");
  const auto generator = model.generator();
  std::string words;
  for (int i = 0; i < 60; ++i) words += "a ";
  const TextWriter cuts(*generator, {.task = Task::summarize});
  EXPECT_TRUE(cuts.prepare(words).truncated);
  EXPECT_EQ(cuts.prepare(words).request.prompt.size(), 40U);
  const TextWriter refuses(*generator, {.task = Task::summarize, .truncate = false});
  expect_error(ErrorKind::invalid_argument, "more than the 40 that the model reads", [&] { refuses.prepare(words); });
}

TEST(TextWriter, NamesLanguagesByTheModelsTokens) {
  const WritingModel model("mbart");
  fs::remove(model.path() / "tokenizer.json");
  const fs::path vocabulary = fs::path(ACCELERATE_TEST_DATA) / "processing/fixtures/vocabularies/mbart";
  for (const std::string file : {"sentencepiece.bpe.model", "tokenizer_config.json"})
    fs::copy_file(vocabulary / file, model.path() / file, fs::copy_options::overwrite_existing);
  const auto generator = model.generator();
  const Tokenizer& tokenizer = generator->tokenizer();
  const TextWriter writer(*generator, {.source_language = "fr_XX", .target_language = "en_XX"});
  Tokens expected = generator->encode("un bateau");
  EXPECT_EQ(expected.back(), tokenizer.id_of("de_DE"));  // as the folder says
  expected.back() = tokenizer.id_of("fr_XX").value();
  const TextToAnswer text = writer.prepare("un bateau");
  EXPECT_EQ(text.request.prompt, expected);
  EXPECT_EQ(text.request.options.forced_bos_token_id, tokenizer.id_of("en_XX"));
  expect_error(ErrorKind::invalid_argument, "does not translate from 'fr_XX' to 'xx_XX'",
               [&] { TextWriter(*generator, {.source_language = "fr_XX", .target_language = "xx_XX"}); });
}

TEST(TextWriter, NeedsAnEncoder) {
  const CreatedModelFolder folder(Task::generate, {.model_type = "gpt2"});
  const TextGenerator generator(open_model_folder(folder.path()), {.session = {.backend = "cpu", .precision = "fp32", .threads = 1}});
  expect_error(ErrorKind::unsupported, "'gpt2' has no encoder, which task 'summarize' needs",
               [&] { TextWriter(generator, {.task = Task::summarize}); });
}

TEST(Tasks, AreWhatAModelWithAnEncoderIsFor) {
  const auto task = [](std::string_view name, const Json& tasks) {
    Json config{{"architectures", {"T5ForConditionalGeneration"}}};
    if (!tasks.is_null()) config["task_specific_params"] = tasks;
    return choose_task(name, Config::parse(config.dump(), "config.json"));
  };
  EXPECT_EQ(task("", nullptr), Task::generate);
  EXPECT_EQ(task("", t5_tasks), Task::generate);
  EXPECT_EQ(task("", {{"summarization", Json::object()}}), Task::summarize);
  EXPECT_EQ(task("translate", nullptr), Task::translate);
  expect_error(ErrorKind::invalid_argument, "task 'embed' needs a model with a base head", [&] { task("embed", nullptr); });
  expect_error(ErrorKind::invalid_argument, "task 'chat' needs", [&] { task("chat", nullptr); });
}

}  // namespace
}  // namespace accelerate

#include "tasks/create_model.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "formats/checkpoint.h"
#include "formats/safetensors.h"
#include "models/random_weights.h"
#include "processing/tokenizer.h"
#include "runtime/session.h"
#include "support/created_model.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

std::string contents(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

Json small_config(std::int64_t vocabulary) {
  return {{"model_type", "bert"},         {"vocab_size", vocabulary}, {"hidden_size", 16},
          {"num_hidden_layers", 1},       {"num_attention_heads", 2}, {"intermediate_size", 32},
          {"max_position_embeddings", 16}};
}

TEST(CreateModel, DependsOnTheSeedAlone) {
  const TemporaryFolder folder;
  create_model(small_config(90), folder.path() / "a", {.seed = 5});
  create_model(small_config(90), folder.path() / "b", {.seed = 5});
  create_model(small_config(90), folder.path() / "c", {.seed = 6});
  const std::string a = contents(folder.path() / "a" / "model.safetensors");
  EXPECT_EQ(a, contents(folder.path() / "b" / "model.safetensors"));
  EXPECT_NE(a, contents(folder.path() / "c" / "model.safetensors"));
}

TEST(CreateModel, MarksItAsRandomInConfigAndCheckpoint) {
  const CreatedModelFolder folder(Task::embed);
  EXPECT_TRUE(open_model_folder(folder.path()).random_weights);
  EXPECT_EQ(SafetensorsFile::open(folder.path() / "model.safetensors").metadata().at("random_weights"), "true");
}

TEST(CreateModel, MakesWeightsLikeThoseOfAnUntrainedModel) {
  const CreatedModelFolder folder(Task::embed);
  Checkpoint checkpoint(folder.path());
  double sum = 0;
  double squares = 0;
  const Tensor& words = *checkpoint.find("bert.embeddings.word_embeddings.weight");
  for (float value : words.values<float>()) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  const auto count = static_cast<double>(words.size());
  EXPECT_NEAR(sum / count, 0, 0.002);
  EXPECT_NEAR(std::sqrt(squares / count), 0.02, 0.002);
  for (float value : checkpoint.find("bert.embeddings.LayerNorm.weight")->values<float>()) EXPECT_NEAR(value, 1, 0.12);
}

TEST(CreateModel, MakesEveryHeadOfEveryArchitecture) {
  for (const Architecture& architecture : all_architectures()) {
    for (Head head : architecture.heads) {
      SCOPED_TRACE(fmt::format("{} {}", architecture.model_type, name_of(head)));
      const TemporaryFolder folder;
      create_model(CreatedModelFolder::config(architecture.model_type, 40), folder.path(), {.head = head, .overwrite = true});
      const Session session(open_model_folder(folder.path()), {.backend = "reference", .threads = 1});
      EXPECT_EQ(session.head(), head);
      EXPECT_FALSE(session.report().graph.outputs().empty());
    }
  }
}

TEST(CreateModel, MakesATokenizerOfTheModelsVocabulary) {
  for (std::int64_t vocabulary : {6, 31, 90, 3000}) {
    const TemporaryFolder folder;
    create_model(small_config(vocabulary), folder.path(), {});
    const Tokenizer tokenizer = Tokenizer::load(folder.path());
    EXPECT_EQ(tokenizer.vocabulary_size(), vocabulary);
    const std::vector<TextInput> inputs{{.text = "A boat, 7 ferries [MASK]!"}, {.text = "a", .pair = "b"}};
    const Encodings encodings = tokenizer.encode(inputs);
    EXPECT_EQ(encodings.ids.front(), *tokenizer.id_of(SpecialToken::cls));
    for (std::int64_t id : encodings.ids) EXPECT_LT(id, vocabulary);
    EXPECT_EQ(encodings.type_ids.back(), 1);
  }
}

TEST(CreateModel, RobertasTokenizerPutsTwoEndsBetweenTexts) {
  const CreatedModelFolder folder(Task::embed, {.model_type = "roberta"});
  const Tokenizer tokenizer = Tokenizer::load(folder.path());
  const TextInput pair{.text = "a", .pair = "b"};
  const Encodings encodings = tokenizer.encode(std::span(&pair, 1));
  ASSERT_EQ(encodings.tokens(), 6);
  EXPECT_EQ(tokenizer.token_of(encodings.ids[0]), "<s>");
  EXPECT_EQ(tokenizer.token_of(encodings.ids[2]), "</s>");
  EXPECT_EQ(tokenizer.token_of(encodings.ids[3]), "</s>");
  EXPECT_EQ(tokenizer.id_of(SpecialToken::pad), 1);
}

TEST(CreateModel, TextsOfModelsThatGenerateHaveABeginAndNoEnd) {
  const TextInput text{.text = "A boat, 7 ferries!"};
  struct Case {
    Json fields;
    std::string begin, end, padding;
  };
  for (const Case& test : {Case{{{"bos_token_id", 9}, {"eos_token_id", 9}, {"pad_token_id", 9}}, "</s>", "</s>", "</s>"},
                           Case{{{"bos_token_id", 1}, {"eos_token_id", Json::array({2, 7})}, {"pad_token_id", 0}}, "<s>", "</s>", "<pad>"},
                           Case{{{"pad_token_id", 3}}, "<s>", "</s>", "<pad>"}}) {
    SCOPED_TRACE(test.fields.dump());
    const TemporaryFolder folder;
    Json config = CreatedModelFolder::config("llama", 40);
    config.update(test.fields);
    create_model(config, folder.path(), {.overwrite = true});
    const Tokenizer tokenizer = Tokenizer::load(folder.path());
    EXPECT_EQ(tokenizer.vocabulary_size(), 200);
    const Encodings encodings = tokenizer.encode(std::span(&text, 1));
    EXPECT_EQ(tokenizer.token_of(encodings.ids.front()), test.begin);
    EXPECT_NE(tokenizer.token_of(encodings.ids.back()), test.end);
    if (test.fields.contains("bos_token_id")) {
      EXPECT_EQ(encodings.ids.front(), test.fields.at("bos_token_id"));
    }
    EXPECT_EQ(tokenizer.token_of(*tokenizer.id_of(SpecialToken::eos)), test.end);
    EXPECT_EQ(tokenizer.id_of(SpecialToken::pad), test.fields.at("pad_token_id").get<std::int64_t>());
    EXPECT_EQ(tokenizer.token_of(*tokenizer.id_of(SpecialToken::pad)), test.padding);
  }
}

TEST(CreateModel, KnowsItsShapes) {
  for (const ModelShape& shape : all_shapes()) {
    const Config config = Config::parse(config_of(shape).dump(), "config.json");
    EXPECT_EQ(head_of(config), shape.head) << shape.name;
    EXPECT_EQ(architecture_of(config).model_type, shape.model_type) << shape.name;
    EXPECT_EQ(&shape_named(shape.name), &shape);
  }
  expect_error(ErrorKind::invalid_argument, "model shape 'gpt-9' is not one of all-MiniLM-L6-v2", [] { shape_named("gpt-9"); });
}

/// Weights of whatever shapes a graph asks for, whose bytes nobody reads or even has.
class CountedWeights final : public WeightSource {
 public:
  const Tensor* find(std::string_view name, std::span<const std::int64_t> expected) override {
    std::size_t bytes = sizeof(float);
    for (std::int64_t size : expected) bytes *= static_cast<std::size_t>(size);
    const std::shared_ptr<const std::byte> none(static_cast<std::byte*>(std::calloc(bytes, 1)), [](const std::byte* memory) {
      std::free(const_cast<std::byte*>(memory));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    });
    return &tensors_.try_emplace(std::string(name), Tensor::view(DType::float32, {expected.begin(), expected.end()}, none)).first->second;
  }
  bool contains(std::string_view name) const override { return nothing_.contains(name); }

  std::int64_t count() const {
    std::int64_t count = 0;
    for (const auto& [name, tensor] : tensors_) count += tensor.size();
    return count;
  }

 private:
  RandomWeights nothing_{0};
  TensorMap tensors_;
};

TEST(CreateModel, KnowsTheModelsThatItIsMeasuredWith) {
  struct Row {
    std::string_view name;
    std::int64_t parameters;  ///< of transformers' class for that head, less a pooler that the class has and the head does not read
  };
  constexpr std::array rows{
      Row{"bert-tiny", 4385920},
      Row{"all-MiniLM-L6-v2", 22713216},
      Row{"bge-small-en-v1.5", 33360000},
      Row{"bert-base-german-cased", 109960318},
      Row{"distilbert-base-uncased", 66985530},
      Row{"distilroberta-base", 82170201},
      Row{"paraphrase-xlm-r-multilingual-v1", 278043648},
      Row{"camembert-base", 110655493},
      Row{"all-mpnet-base-v2", 109486464},
      Row{"albert-base-v2", 11221680},
      Row{"electra-small-discriminator", 13549057},
      Row{"mobilebert-uncased", 36597564},
      Row{"squeezebert-uncased", 51126336},
      Row{"deberta-base", 139244121},
      Row{"deberta-v3-base", 184551780},
      Row{"flaubert_small_cased", 54435449},
      Row{"layoutlm-base-uncased", 112660026},
      Row{"longformer-base-4096", 148711257},
      Row{"dpr-question_encoder-single-nq-base", 108891648},
      Row{"t5-small", 60506624},
      Row{"t5-efficient-tiny", 15570688},
      Row{"flan-t5-small", 76961152},  // whose projection is not tied
      Row{"mt5-small", 300176768},
      Row{"bart-base", 139470681},
      Row{"mbart-large-50", 611129542},
      Row{"pegasus-xsum", 569844583},
      Row{"blenderbot-400M-distill", 364810568},
      Row{"blenderbot-90M", 87563936},
      Row{"led-base-16384", 161894745},
  };
  for (const Row& row : rows) {
    const Config config = Config::parse(config_of(shape_named(row.name)).dump(), "config.json");
    CountedWeights weights;
    build_graph(config, weights, head_of(config));
    EXPECT_EQ(weights.count(), row.parameters) << row.name;
  }
}

TEST(CreateModel, RefusesRotaryPositionsThatDependOnTheLengthOfTheText) {
  const TemporaryFolder folder;
  for (const std::string type : {"dynamic", "longrope"}) {
    Json config = CreatedModelFolder::config("llama", 40);
    config["rope_scaling"] = {{"rope_type", type}, {"factor", 2}};
    expect_error(ErrorKind::unsupported, "'rope_scaling.rope_type' is \"" + type + '"',
                 [&] { create_model(config, folder.path() / "x", {}); });
    config["model_type"] = "phi3";
    expect_error(ErrorKind::unsupported, "'" + type + "' are not supported in phi3",
                 [&] { create_model(config, folder.path() / "x", {}); });
  }
}

TEST(CreateModel, RefusesFoldersWithFilesAndConfigsThatDoNotRun) {
  const CreatedModelFolder folder(Task::embed);
  expect_error(ErrorKind::invalid_argument, "--force", [&] { create_model(small_config(90), folder.path(), {}); });
  EXPECT_NO_THROW(create_model(small_config(90), folder.path(), {.overwrite = true}));

  const TemporaryFolder empty;
  Json other = small_config(90);
  other["model_type"] = "gpt9";
  expect_error(ErrorKind::unsupported, "gpt9", [&] { create_model(other, empty.path() / "x", {}); });
  expect_error(ErrorKind::invalid_argument, "vocab_size is 5", [&] { create_model(small_config(5), empty.path() / "x", {}); });
  EXPECT_FALSE(std::filesystem::exists(empty.path() / "x"));
}

}  // namespace
}  // namespace accelerate

#include "formats/sentence_transformers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

std::string module(const std::string& type, const std::string& path) {
  return fmt::format(R"({{"type": "{}", "path": "{}"}})", type, path);
}

const std::string transformer = module("sentence_transformers.models.Transformer", "");
const std::string pooling = module("sentence_transformers.models.Pooling", "1_Pooling");
const std::string normalize = module("sentence_transformers.models.Normalize", "2_Normalize");

/// The modules as a JSON list.
std::string list_of(const std::vector<std::string>& modules) { return fmt::format("[{}]", fmt::join(modules, ", ")); }

PoolingSettings pooled(const std::string& fields) {
  return parse_pooling(Config::parse(fmt::format("{{{}}}", fields), "1_Pooling/config.json"));
}

TEST(SentenceTransformers, ReadsAWholeFolder) {
  const TemporaryFolder folder;
  folder.write("modules.json", list_of({transformer, pooling, normalize}));
  folder.write("1_Pooling/config.json", R"({"word_embedding_dimension": 384, "pooling_mode_mean_tokens": true})");
  folder.write("sentence_bert_config.json", R"({"max_seq_length": 256, "do_lower_case": true})");
  folder.write("config_sentence_transformers.json", R"({"prompts": {"query": "q: "}, "default_prompt_name": "query"})");
  const auto model = read_sentence_transformer(folder.path());
  ASSERT_TRUE(model);
  EXPECT_EQ(model->pooling.modes, std::vector{PoolingMode::mean});
  EXPECT_EQ(model->pooling.dimension, 384);
  EXPECT_TRUE(model->pooling.include_prompt);
  EXPECT_TRUE(model->normalizes());
  EXPECT_EQ(model->max_seq_length, 256);
  EXPECT_TRUE(model->do_lower_case);
  EXPECT_EQ(model->prompts.at("query"), "q: ");
  EXPECT_EQ(model->default_prompt_name, "query");
}

TEST(SentenceTransformers, ReadsAFolderWithOnlyWhatMustBeThere) {
  const TemporaryFolder folder;
  folder.write("modules.json", list_of({module("sentence_transformers.base.modules.transformer.Transformer", "0_Transformer"), pooling}));
  folder.write("0_Transformer/sentence_roberta_config.json", R"({"max_seq_length": 128})");
  folder.write("1_Pooling/config.json", R"({"embedding_dimension": 8})");
  const auto model = read_sentence_transformer(folder.path());
  ASSERT_TRUE(model);
  EXPECT_EQ(model->transformer_folder, folder.path() / "0_Transformer");
  EXPECT_EQ(model->pooling.modes, std::vector{PoolingMode::mean});
  EXPECT_EQ(model->max_seq_length, 128);
  EXPECT_FALSE(model->normalizes());
  EXPECT_FALSE(model->do_lower_case);
  EXPECT_TRUE(model->prompts.empty());
  EXPECT_FALSE(model->default_prompt_name);
}

TEST(SentenceTransformers, OtherFoldersGiveNothing) {
  const TemporaryFolder folder;
  EXPECT_FALSE(read_sentence_transformer(folder.path()));
}

TEST(SentenceTransformers, AMissingPoolingFileIsNamed) {
  const TemporaryFolder folder;
  folder.write("modules.json", list_of({transformer, pooling}));
  expect_error(ErrorKind::not_found, "1_Pooling/config.json: no such file", [&] { read_sentence_transformer(folder.path()); });
}

TEST(SentenceTransformers, ADefaultPromptThatIsNotThereIsRefused) {
  const TemporaryFolder folder;
  folder.write("modules.json", list_of({transformer, pooling}));
  folder.write("1_Pooling/config.json", R"({"embedding_dimension": 8})");
  folder.write("config_sentence_transformers.json", R"({"prompts": {"query": "q: "}, "default_prompt_name": "document"})");
  expect_error(ErrorKind::invalid_file, R"('default_prompt_name' is "document", expected the name of one of its prompts)",
               [&] { read_sentence_transformer(folder.path()); });
}

TEST(SentenceTransformers, PoolingOfOldAndNewForm) {
  using enum PoolingMode;
  const struct {
    const char* fields;
    std::vector<PoolingMode> modes;
  } cases[] = {
      {R"("word_embedding_dimension": 4)", {mean}},
      {R"("word_embedding_dimension": 4, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": false)", {mean}},
      {R"("word_embedding_dimension": 4, "pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true)", {cls, mean}},
      {R"("word_embedding_dimension": 4, "pooling_mode_max_tokens": true)", {max}},
      {R"("word_embedding_dimension": 4, "pooling_mode_mean_sqrt_len_tokens": true)", {mean_sqrt_length}},
      {R"("word_embedding_dimension": 4, "pooling_mode_weightedmean_tokens": true)", {weighted_mean}},
      {R"("word_embedding_dimension": 4, "pooling_mode_lasttoken": true)", {last_token}},
      {R"("embedding_dimension": 4, "pooling_mode": "cls", "pooling_mode_lasttoken": true)", {cls}},
      {R"("embedding_dimension": 4, "pooling_mode": ["lasttoken", "max"])", {last_token, max}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(pooled(c.fields).modes, c.modes) << c.fields;
    EXPECT_EQ(pooled(c.fields).dimension, 4) << c.fields;
  }
  EXPECT_FALSE(pooled(R"("embedding_dimension": 4, "include_prompt": false)").include_prompt);
  EXPECT_EQ(name_of(weighted_mean), "weightedmean");
}

TEST(SentenceTransformers, WrongPoolingIsRefused) {
  const struct {
    const char* fields;
    const char* message;
  } cases[] = {
      {"", "1_Pooling/config.json: 'word_embedding_dimension' is missing"},
      {R"("embedding_dimension": 0)", "'embedding_dimension' is 0, expected a whole number"},
      {R"("embedding_dimension": 4, "pooling_mode": "median")", R"('pooling_mode' is "median", expected cls, max, mean)"},
      {R"("embedding_dimension": 4, "pooling_mode": [])", "'pooling_mode' is [], expected at least one mode"},
      {R"("embedding_dimension": 4, "pooling_mode": 3)", "'pooling_mode' is 3, expected a list of texts"},
      {R"("embedding_dimension": 4, "pooling_mode_cls_token": 1)", "'pooling_mode_cls_token' is 1, expected true or false"},
  };
  for (const auto& c : cases) expect_error(ErrorKind::invalid_file, c.message, [&] { pooled(c.fields); });
}

DenseSettings dense(const std::string& fields) {
  return parse_dense(Config::parse(fmt::format(R"({{"in_features": 4, "out_features": 2{}}})", fields), "2_Dense/config.json"));
}

TEST(SentenceTransformers, DenseLayersHaveTheirDefaults) {
  const DenseSettings plain = dense("");
  EXPECT_EQ(plain.inputs, 4);
  EXPECT_EQ(plain.outputs, 2);
  EXPECT_TRUE(plain.bias);
  EXPECT_FALSE(plain.residual);
  EXPECT_EQ(plain.activation, UnaryFunction::tanh);
  EXPECT_EQ(dense(R"(, "activation_function": "torch.nn.modules.linear.Identity")").activation, std::nullopt);
  EXPECT_EQ(dense(R"(, "activation_function": "torch.nn.modules.activation.GELU")").activation, UnaryFunction::gelu_erf);
}

TEST(SentenceTransformers, DenseLayersThatAreNotSupportedAreRefused) {
  const struct {
    const char* fields;
    const char* message;
  } cases[] = {
      {R"(, "activation_function": "torch.nn.modules.activation.Mish")", R"('activation_function' is "torch.nn.modules.activation.Mish")"},
      {R"(, "activation_function": "my_code.Tanh")", R"('activation_function' is "my_code.Tanh", expected torch.nn's Identity)"},
      {R"(, "module_input_name": "token_embeddings")", R"('module_input_name' is "token_embeddings", expected sentence_embedding)"},
  };
  for (const auto& c : cases) expect_error(ErrorKind::unsupported, c.message, [&] { dense(c.fields); });
}

TEST(SentenceTransformers, ReadsLayersInTheirOrder) {
  const TemporaryFolder folder;
  folder.write("modules.json", list_of({transformer, pooling, module("sentence_transformers.models.Dense", "2_Dense"),
                                        module("sentence_transformers.models.Dropout", "3_Dropout"), normalize}));
  folder.write("1_Pooling/config.json", R"({"embedding_dimension": 4})");
  folder.write("2_Dense/config.json", R"({"in_features": 4, "out_features": 2})");
  folder.write("config_sentence_transformers.json", R"({"truncate_dim": 1})");
  const auto model = read_sentence_transformer(folder.path());
  ASSERT_TRUE(model);
  ASSERT_EQ(model->layers.size(), 2U);
  EXPECT_EQ(model->layers[0].kind, SentenceModule::Kind::dense);
  EXPECT_EQ(model->layers[0].path, "2_Dense");
  EXPECT_TRUE(model->normalizes());
  EXPECT_EQ(model->truncate_dimensions, 1);
}

TEST(SentenceTransformers, CrossEncodersAreATransformerAlone) {
  const TemporaryFolder folder;
  folder.write("modules.json", list_of({transformer}));
  const auto model = read_sentence_transformer(folder.path());
  ASSERT_TRUE(model);
  EXPECT_EQ(model->pooling.modes, std::vector{PoolingMode::mean});
  EXPECT_FALSE(model->normalizes());
}

TEST(SentenceTransformers, WrongModulesAreRefused) {
  const struct {
    ErrorKind kind;
    std::vector<std::string> modules;
    const char* message;
  } cases[] = {
      {ErrorKind::unsupported,
       {transformer, pooling, module("sentence_transformers.models.CNN", "2_CNN")},
       R"(modules.json: '[2].type' is "sentence_transformers.models.CNN", expected sentence_transformers' Transformer, Pooling, Dense)"},
      {ErrorKind::unsupported, {module("custom_code.Transformer", "")}, R"('[0].type' is "custom_code.Transformer")"},
      {ErrorKind::invalid_file,
       {module("sentence_transformers.models.Transformer", "../other")},
       R"('[0].path' is "../other", expected a folder inside the model's)"},
      {ErrorKind::invalid_file, {module("sentence_transformers.models.Transformer", "/etc")}, R"('[0].path' is "/etc")"},
      {ErrorKind::invalid_file, {}, "has 0 modules, expected a Transformer, a Pooling and then layers, in this order"},
      {ErrorKind::invalid_file, {transformer, normalize}, "has 2 modules, expected a Transformer, a Pooling"},
      {ErrorKind::invalid_file, {pooling, transformer}, "in this order"},
      {ErrorKind::invalid_file, {transformer, pooling, normalize, pooling}, "has 4 modules"},
      {ErrorKind::invalid_file, {R"({"type": 1, "path": ""})"}, "'[0].type' is 1, expected a text"},
      {ErrorKind::invalid_file, {R"({"type": "sentence_transformers.models.Transformer"})"}, "'[0].path' is missing"},
      {ErrorKind::invalid_file, {"3"}, "modules.json: [0] is 3, expected an object"},
  };
  for (const auto& c : cases) expect_error(c.kind, c.message, [&] { parse_modules(list_of(c.modules), "modules.json"); });
}

}  // namespace
}  // namespace accelerate

// Every tiny model of fixtures/ (tools/make_task_fixtures.py), on every backend that runs here, against what
// sentence-transformers and transformers' pipelines make of the same texts in float32.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "ipfs_accelerate/model.h"
#include "tasks/classify.h"
#include "tasks/embed.h"
#include "tasks/fill_mask.h"
#include "tasks/rerank.h"
#include "tasks/tag.h"
#include "tasks/zero_shot.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

constexpr double tolerance = 1e-5;

/// Beside the sources, or where ACCELERATE_TEST_DATA says when the test runs on a machine without them.
fs::path fixtures() {
  const char* data = std::getenv("ACCELERATE_TEST_DATA");
  return fs::path(data != nullptr ? data : ACCELERATE_TEST_DATA) / "tasks" / "fixtures";
}

std::vector<std::string> names_of(std::string_view beginning) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(fixtures()))
    if (std::string name = entry.path().filename().string(); name.starts_with(beginning)) names.push_back(std::move(name));
  std::ranges::sort(names);
  return names;
}

/// Calls check(folder, expected.json, options of a session) for each fixture whose name begins so, on each backend.
template <typename Check>
void on_every_backend(std::string_view beginning, const Check& check) {
  const std::vector<std::string> names = names_of(beginning);
  ASSERT_FALSE(names.empty()) << beginning;
  for (const std::string& name : names) {
    const fs::path path = fixtures() / name;
    const Json expected = parse_json(read_text_file(path / "expected.json", 1 << 20), path.string());
    for (const std::unique_ptr<Backend>& backend : all_backends()) {
      if (backend->devices().usable.empty()) continue;
      SCOPED_TRACE(fmt::format("{} on {}", name, backend->name()));
      check(open_model_folder(path), expected, SessionOptions{.backend = std::string(backend->name()), .precision = "fp32"});
    }
  }
}

std::vector<std::string> texts_of(const Json& expected) { return expected.at("texts").get<std::vector<std::string>>(); }

EmbeddingOptions embedding_options(const Json& options) {
  EmbeddingOptions result;
  if (options.contains("prompt_name")) result.prompt_name = options.at("prompt_name").get<std::string>();
  if (options.contains("prompt")) result.prompt = options.at("prompt").get<std::string>();
  if (options.contains("dimensions")) result.dimensions = options.at("dimensions").get<std::int64_t>();
  return result;
}

TEST(TaskFixtures, EmbeddingsAreThoseOfSentenceTransformers) {
  on_every_backend("embed_", [](const ModelFolder& folder, const Json& expected, const SessionOptions& session) {
    const Embedder embedder(folder, session);
    for (const Json& test : expected.at("cases")) {
      SCOPED_TRACE(test.at("options").dump());
      const Embeddings embeddings = embedder.embed(texts_of(expected), embedding_options(test.at("options")));
      const Json& wanted = test.at("embeddings");
      ASSERT_EQ(embeddings.values.dim(0), static_cast<std::int64_t>(wanted.size()));
      for (std::size_t text = 0; text < wanted.size(); ++text) {
        ASSERT_EQ(embeddings[text].size(), wanted[text].size());
        for (std::size_t i = 0; i < wanted[text].size(); ++i)
          EXPECT_NEAR(embeddings[text][i], wanted[text][i].get<float>(), tolerance) << "text " << text << ", number " << i;
      }
    }
  });
}

TEST(TaskFixtures, RankingsAreThoseOfSentenceTransformers) {
  on_every_backend("rerank_", [](const ModelFolder& folder, const Json& expected, const SessionOptions& session) {
    const Reranker reranker(folder, session);
    for (const Json& test : expected.at("cases")) {
      const RankInput input{.query = test.at("query").get<std::string>(), .documents = texts_of(expected)};
      const Ranking ranking = reranker.rank(std::span(&input, 1)).front();
      const Json& wanted = test.at("ranking");
      ASSERT_EQ(ranking.documents.size(), wanted.size());
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        EXPECT_EQ(ranking.documents[i].index, wanted[i].at("index")) << "place " << i;
        EXPECT_NEAR(ranking.documents[i].score, wanted[i].at("score").get<float>(), tolerance) << "place " << i;
      }
    }
  });
}

void expect_labels(const Classification& got, const Json& wanted) {
  ASSERT_EQ(got.labels.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(got.labels[i].label, wanted[i].at("label")) << "place " << i;
    EXPECT_NEAR(got.labels[i].score, wanted[i].at("score").get<float>(), tolerance) << "place " << i;
  }
}

TEST(TaskFixtures, ZeroShotIsThatOfTransformers) {
  on_every_backend("zero_shot", [](const ModelFolder& folder, const Json& expected, const SessionOptions& session) {
    const ZeroShotClassifier classifier(folder, session);
    for (const Json& test : expected.at("cases")) {
      const Json& given = test.at("options");
      SCOPED_TRACE(given.dump());
      ZeroShotOptions options{.labels = given.at("labels").get<std::vector<std::string>>()};
      if (given.contains("hypothesis")) options.hypothesis = given.at("hypothesis").get<std::string>();
      if (given.contains("multi_label")) options.multi_label = given.at("multi_label").get<bool>();
      const std::vector<Classification> answers = classifier.classify(texts_of(expected), options);
      ASSERT_EQ(answers.size(), test.at("answers").size());
      for (std::size_t i = 0; i < answers.size(); ++i) expect_labels(answers[i], test.at("answers")[i]);
    }
  });
}

TEST(TaskFixtures, EntitiesAreThoseOfTransformers) {
  on_every_backend("tag_", [](const ModelFolder& folder, const Json& expected, const SessionOptions& session) {
    const Tagger tagger(folder, session);
    const std::vector<std::string> texts = texts_of(expected);
    for (const Json& test : expected.at("cases")) {
      SCOPED_TRACE(test.at("aggregation").dump());
      const std::vector<TaggedText> tagged =
          tagger.tag(texts, {.aggregation = aggregation_named(test.at("aggregation").get<std::string>())});
      for (std::size_t text = 0; text < texts.size(); ++text) {
        const Json& wanted = test.at("answers").at(text);
        const std::vector<Entity>& got = tagged.at(text).entities;
        ASSERT_EQ(got.size(), wanted.size()) << texts[text];
        for (std::size_t i = 0; i < wanted.size(); ++i) {
          EXPECT_EQ(got[i].label, wanted[i].at("label")) << texts[text] << ", entity " << i;
          EXPECT_NEAR(got[i].score, wanted[i].at("score").get<float>(), tolerance) << texts[text] << ", entity " << i;
          EXPECT_EQ(got[i].span.begin, wanted[i].at("begin")) << texts[text] << ", entity " << i;
          EXPECT_EQ(got[i].span.end, wanted[i].at("end")) << texts[text] << ", entity " << i;
        }
      }
    }
  });
}

TEST(TaskFixtures, LabelsAreThoseOfTransformers) {
  on_every_backend("classify", [](const ModelFolder& folder, const Json& expected, const SessionOptions& session) {
    const std::vector<std::string> texts = texts_of(expected);
    const auto pairs = expected.at("pairs").get<std::vector<std::string>>();
    std::vector<TextInput> inputs;
    for (std::size_t i = 0; i < texts.size(); ++i) inputs.push_back({.text = texts[i], .pair = pairs[i]});
    const std::vector<Classification> answers = Classifier(folder, session).classify(inputs);
    for (std::size_t i = 0; i < texts.size(); ++i) expect_labels(answers[i], expected.at("answers").at(i));
  });
}

TEST(TaskFixtures, MasksAreFilledAsByTransformers) {
  on_every_backend("fill_mask", [](const ModelFolder& folder, const Json& expected, const SessionOptions& session) {
    const std::vector<FilledMasks> answers = MaskFiller(folder, session).fill(texts_of(expected), 4);
    for (std::size_t text = 0; text < answers.size(); ++text) {
      const Json& wanted = expected.at("answers").at(text);
      ASSERT_EQ(answers[text].masks.size(), wanted.size());
      for (std::size_t mask = 0; mask < wanted.size(); ++mask) {
        ASSERT_EQ(answers[text].masks[mask].size(), wanted[mask].size());
        for (std::size_t i = 0; i < wanted[mask].size(); ++i) {
          EXPECT_EQ(answers[text].masks[mask][i].token_id, wanted[mask][i].at("token_id"));
          EXPECT_NEAR(answers[text].masks[mask][i].score, wanted[mask][i].at("score").get<float>(), tolerance);
        }
      }
    }
  });
}

TEST(TaskFixtures, ThePublicModelGivesTheSame) {
  const LoadOptions options{.backend = "cpu", .precision = "fp32", .threads = 1};
  const auto expected = [](const char* name) { return parse_json(read_text_file(fixtures() / name / "expected.json", 1 << 20), name); };

  const Json rerank = expected("rerank_sigmoid");
  const std::vector<std::string> documents = texts_of(rerank);
  const Ranking ranking = Model::load(fixtures() / "rerank_sigmoid", options)
                              .rank(rerank.at("cases").at(0).at("query").get<std::string>(), documents, {.top_k = 2});
  ASSERT_EQ(ranking.documents.size(), 2U);
  EXPECT_EQ(ranking.documents[0].index, rerank.at("cases").at(0).at("ranking").at(0).at("index"));

  const Json zero_shot = expected("zero_shot");
  const Model judge = Model::load(fixtures() / "zero_shot", options);
  expect_labels(judge.classify_zero_shot(texts_of(zero_shot), {.labels = {"boat", "program", "love"}}).at(0),
                zero_shot.at("cases").at(0).at("answers").at(0));
  EXPECT_EQ(judge.classify(std::vector<TextInput>{{.text = "a", .pair = "b"}}, {.top_k = 1}).at(0).labels.size(), 1U);
  EXPECT_THROW(judge.tag(documents), Error);

  const Json tag = expected("tag_words");
  const std::vector<TaggedText> tagged =
      Model::load(fixtures() / "tag_words", options).tag(texts_of(tag), {.aggregation = Aggregation::average});
  EXPECT_EQ(tagged.at(0).entities.size(), tag.at("cases").at(3).at("answers").at(0).size());

  const Json masks = expected("fill_mask");
  const std::vector<FilledMasks> filled = Model::load(fixtures() / "fill_mask", options).fill_mask(texts_of(masks), {.top_k = 1});
  EXPECT_EQ(filled.at(0).masks.at(0).at(0).token_id, masks.at("answers").at(0).at(0).at(0).at("token_id"));

  const Model embedder = Model::load(fixtures() / "embed_truncated", options);
  EXPECT_EQ(embedder.embed(documents).vectors.dim(1), 5);
  EXPECT_EQ(embedder.embed(documents, {.prompt_name = "query", .dimensions = 3}).vectors.dim(1), 3);
}

}  // namespace
}  // namespace accelerate

#include "tasks/embed.h"

#include <gtest/gtest.h>

#include <cmath>

#include "processing/text_batch.h"
#include "support/created_model.h"
#include "support/expect_error.h"
#include "tasks/embedding_graph.h"

namespace accelerate {
namespace {

const std::vector<std::string> texts{"a boat leaves the island", "", "b", "the ferry departs at seven in the morning", "two words", "b"};

Embedder load(const CreatedModelFolder& folder) { return Embedder(open_model_folder(folder.path()), {.threads = 2}); }

float length(std::span<const float> values) {
  double squares = 0;
  for (float value : values) squares += static_cast<double>(value) * value;
  return static_cast<float>(std::sqrt(squares));
}

void expect_near(std::span<const float> a, std::span<const float> b, float tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << "element " << i;
}

TEST(Embed, BatchEqualsSingles) {
  const CreatedModelFolder folder(Task::embed);
  const Embedder embedder = load(folder);
  const Embeddings together = embedder.embed(texts);
  ASSERT_EQ(together.values.dim(0), 6);
  ASSERT_EQ(together.values.dim(1), 32);
  for (std::size_t i = 0; i < texts.size(); ++i) expect_near(embedder.embed(std::span(&texts[i], 1))[0], together[i], 1e-5F);
}

TEST(Embed, TakesTheVectorThatAModelMakesItself) {
  const CreatedModelFolder folder(Task::embed, {.model_type = "dpr"});
  const Embedder embedder = load(folder);
  const Session session(open_model_folder(folder.path()), {.threads = 1});
  const Encodings encodings = embedder.model().encode(inputs_of(texts));
  const Tensor vectors = session.run(ragged_inputs(encodings)).outputs.at("pooler_output");
  expect_near(embedder.embed(texts).values.values<float>(), vectors.values<float>(), 1e-5F);
}

TEST(Embed, EqualTextsHaveEqualEmbeddingsAndOthersDiffer) {
  const CreatedModelFolder folder(Task::embed);
  const Embeddings embeddings = load(folder).embed(texts);
  expect_near(embeddings[2], embeddings[5], 1e-6F);
  EXPECT_LT(cosine(embeddings[0], embeddings[2]), 0.9999F);
}

TEST(Embed, NormalisesOnlyWhereTheFolderSaysSo) {
  const CreatedModelFolder plain(Task::embed);
  EXPECT_GT(std::abs(length(load(plain).embed(texts)[0]) - 1), 0.01F);
  const CreatedModelFolder normalised(Task::embed, {.sentence = SentenceShape{PoolingMode::mean, true, 20}});
  EXPECT_NEAR(length(load(normalised).embed(texts)[0]), 1, 1e-5F);
}

TEST(Embed, PoolsAsTheFolderSays) {
  const CreatedModelFolder mean(Task::embed, {.sentence = SentenceShape{PoolingMode::mean, false, 20}});
  const CreatedModelFolder first(Task::embed, {.sentence = SentenceShape{PoolingMode::cls, false, 20}});
  const Embeddings by_mean = load(mean).embed(texts);
  const Embeddings by_first = load(first).embed(texts);
  EXPECT_LT(cosine(by_mean[0], by_first[0]), 0.9999F);
}

TEST(Embed, SaysWhichTextsWereCut) {
  const CreatedModelFolder folder(Task::embed, {.sentence = SentenceShape{PoolingMode::mean, true, 8}});
  const Embedder embedder = load(folder);
  EXPECT_EQ(embedder.model().most_tokens(), 8);
  const Embeddings embeddings = embedder.embed(texts);
  EXPECT_TRUE(embeddings.truncated[0]);
  EXPECT_EQ(embeddings.tokens[0], 8);
  EXPECT_FALSE(embeddings.truncated[2]);
  EXPECT_EQ(embeddings.tokens[1], 2);  // of an empty text, the special tokens
}

TEST(Embed, RefusesLongTextsWhereTheyMayNotBeCut) {
  const CreatedModelFolder folder(Task::embed, {.sentence = SentenceShape{PoolingMode::mean, true, 8}});
  const Embedder embedder = load(folder);
  expect_error(ErrorKind::invalid_argument, "input 0: a text of", [&] { embedder.embed(texts, {.truncate = false}); });
}

TEST(Embed, ReportsProgressAndStopsWhenToldTo) {
  const CreatedModelFolder folder(Task::embed);
  const Embedder embedder = load(folder);
  std::vector<std::size_t> seen;
  embedder.embed(texts, {}, [&](std::size_t done, std::size_t total) {
    EXPECT_EQ(total, texts.size());
    seen.push_back(done);
  });
  ASSERT_GE(seen.size(), 2U);
  EXPECT_EQ(seen.front(), 0U);
  EXPECT_EQ(seen.back(), texts.size());
  expect_error(ErrorKind::cancelled, "enough",
               [&] { embedder.embed(texts, {}, [](std::size_t, std::size_t) { throw Error(ErrorKind::cancelled, "enough"); }); });
}

TEST(Embed, RunsWithAnyHeadOfTheCheckpoint) {
  const CreatedModelFolder folder(Task::fill_mask);
  EXPECT_EQ(load(folder).embed(texts).values.dim(1), 32);
}

TEST(EmbeddingGraph, PoolsInEveryWay) {
  const CreatedModelFolder folder(Task::embed);
  const ModelFolder opened = open_model_folder(folder.path());
  const std::vector<std::string> pair{"b", "a b c"};
  const auto pooled = [&](PoolingMode mode) {
    SessionOptions options{.backend = "reference"};
    options.head = Head::base;
    options.adapt = [mode](const Graph& graph) { return embedding_graph(graph, {.modes = {mode}}); };
    return TextModel(opened, options);
  };
  const TextModel states(opened, {.backend = "reference", .head = Head::base});
  const Encodings encodings = states.encode(inputs_of(pair));
  std::vector<float> hidden;
  const auto keep = [&](const BatchResult& batch) {
    for (std::size_t i = 0; i < batch.inputs.size(); ++i)
      if (batch.inputs[i] == 1)
        hidden.assign(batch.token_rows("last_hidden_state", i).begin(), batch.token_rows("last_hidden_state", i).end());
  };
  states.run({.encodings = encodings, .receive = keep});
  const std::size_t tokens = hidden.size() / 32;
  ASSERT_EQ(tokens, 5U);

  const auto expected = [&](PoolingMode mode, std::size_t column) {
    double sum = 0;
    double weighted = 0;
    float most = hidden[column];
    for (std::size_t t = 0; t < tokens; ++t) {
      const float x = hidden[t * 32 + column];
      sum += x;
      weighted += static_cast<double>(t + 1) * x;
      most = std::max(most, x);
    }
    const auto count = static_cast<double>(tokens);
    switch (mode) {
      case PoolingMode::cls:
        return static_cast<double>(hidden[column]);
      case PoolingMode::max:
        return static_cast<double>(most);
      case PoolingMode::mean:
        return sum / count;
      case PoolingMode::mean_sqrt_length:
        return sum / std::sqrt(count);
      case PoolingMode::weighted_mean:
        return weighted / (count * (count + 1) / 2);
      case PoolingMode::last_token:
        return static_cast<double>(hidden[(tokens - 1) * 32 + column]);
    }
    return 0.0;
  };
  for (PoolingMode mode : {PoolingMode::cls, PoolingMode::max, PoolingMode::mean, PoolingMode::mean_sqrt_length, PoolingMode::weighted_mean,
                           PoolingMode::last_token}) {
    const auto check = [&](const BatchResult& batch) {
      for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
        if (batch.inputs[i] != 1) continue;
        for (std::size_t column = 0; column < 32; ++column)
          EXPECT_NEAR(batch.row("embedding", i)[column], expected(mode, column), 1e-5) << name_of(mode) << " column " << column;
      }
    };
    pooled(mode).run({.encodings = encodings, .receive = check});
  }
}

}  // namespace
}  // namespace accelerate

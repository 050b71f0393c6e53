#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "support/created_model.h"
#include "support/expect_error.h"
#include "tasks/answers_json.h"
#include "tasks/scores.h"

namespace accelerate {
namespace {

const SessionOptions two_threads{.threads = 2};

TEST(Scores, SoftmaxSumsToOneForLargeNumbersToo) {
  const std::vector<float> scores = softmax(std::array{1000.0F, 1000.0F, 998.0F});
  EXPECT_NEAR(std::accumulate(scores.begin(), scores.end(), 0.0F), 1, 1e-6);
  EXPECT_NEAR(scores[2] / scores[0], std::exp(-2.0F), 1e-6);
}

TEST(Scores, LargestComeInOrderAndTiesByIndex) {
  EXPECT_EQ(largest(std::array{1.0F, 3.0F, 3.0F, 2.0F}, 3), (std::vector<std::size_t>{1, 2, 3}));
  EXPECT_EQ(largest(std::array{1.0F, 3.0F}, 9).size(), 2U);
}

TEST(Scores, CountsCharactersNotBytes) {
  EXPECT_EQ(characters_in("naïve café", 12), 10);
  EXPECT_EQ(characters_in("naïve", 4), 3);
  EXPECT_EQ(characters_in("", 0), 0);
}

TEST(FillMask, GivesTheLikeliestTokensOfEachMask) {
  const CreatedModelFolder folder(Task::fill_mask);
  const MaskFiller filler(open_model_folder(folder.path()), two_threads);
  EXPECT_EQ(filler.mask_token(), "[MASK]");
  const std::vector<std::string> texts{"a [MASK] b [MASK]", "[MASK]"};
  const std::vector<FilledMasks> filled = filler.fill(texts, 3);
  ASSERT_EQ(filled[0].masks.size(), 2U);
  ASSERT_EQ(filled[1].masks.size(), 1U);
  for (const std::vector<MaskCandidate>& candidates : filled[0].masks) {
    ASSERT_EQ(candidates.size(), 3U);
    EXPECT_GE(candidates[0].score, candidates[1].score);
    EXPECT_GE(candidates[1].score, candidates[2].score);
    EXPECT_EQ(filler.model().tokenizer().id_of(candidates[0].token).value_or(-1), candidates[0].token_id);
  }
  const std::vector<FilledMasks> all = filler.fill(std::span(texts).last(1), 1000);
  float sum = 0;
  for (const MaskCandidate& candidate : all[0].masks[0]) sum += candidate.score;
  EXPECT_EQ(all[0].masks[0].size(), 200U);
  EXPECT_NEAR(sum, 1, 1e-4);
}

TEST(FillMask, RefusesTextsWithoutAMask) {
  const CreatedModelFolder folder(Task::fill_mask);
  const MaskFiller filler(open_model_folder(folder.path()), two_threads);
  const std::vector<std::string> none{"[MASK]", "no mask"};
  expect_error(ErrorKind::invalid_argument, "input 1: has no [MASK]", [&] { filler.fill(none); });
  const std::vector<std::string> cut{std::string(300, 'x') + " [MASK]"};
  std::string spaced;
  for (int i = 0; i < 60; ++i) spaced += "x ";
  const std::vector<std::string> beyond{spaced + "[MASK]"};
  expect_error(ErrorKind::invalid_argument, "in the part that the model can read", [&] { filler.fill(beyond); });
}

TEST(Classify, ScoresLabelsByTheProblemsType) {
  const CreatedModelFolder folder(Task::classify);
  const std::vector<TextInput> inputs{{.text = "a b c"}, {.text = "d", .pair = "e f"}};
  const std::vector<Classification> single = Classifier(open_model_folder(folder.path()), two_threads).classify(inputs);
  ASSERT_EQ(single[0].labels.size(), 3U);
  EXPECT_NEAR(single[0].labels[0].score + single[0].labels[1].score + single[0].labels[2].score, 1, 1e-5);
  EXPECT_GE(single[0].labels[0].score, single[0].labels[1].score);
  EXPECT_EQ(single[1].tokens, 6);

  Json config = parse_json(R"({})", "test");
  config = Json{{"model_type", "bert"},
                {"vocab_size", 200},
                {"hidden_size", 32},
                {"num_hidden_layers", 1},
                {"num_attention_heads", 4},
                {"intermediate_size", 64},
                {"max_position_embeddings", 40},
                {"id2label", {{"0", "x"}, {"1", "y"}}},
                {"problem_type", "multi_label_classification"}};
  const TemporaryFolder multi;
  create_model(config, multi.path(), {.head = Head::sequence_classification});
  const std::vector<Classification> many = Classifier(open_model_folder(multi.path()), two_threads).classify(inputs, 1);
  ASSERT_EQ(many[0].labels.size(), 1U);
  EXPECT_TRUE(many[0].labels[0].label == "x" || many[0].labels[0].label == "y");
  EXPECT_GT(many[0].labels[0].score, 0.3F);
  EXPECT_LT(many[0].labels[0].score, 0.7F);
}

const std::vector<std::string> tags{"O", "B-PER", "I-PER", "B-X", "I-Y"};

/// A token of which the model says `label` with that probability.
TokenScores token(std::size_t label, float score, TextSpan span, bool continues_word = false) {
  std::vector<float> scores(tags.size(), (1 - score) / 4);
  scores[label] = score;
  return {.scores = scores, .span = span, .continues_word = continues_word};
}

TEST(Tag, JoinsNeighboursOfOneKind) {
  const std::string text = "Ada Lovelace saw Zoë";
  const std::vector<TokenScores> tokens{token(1, 0.9F, {0, 3}), token(2, 0.7F, {4, 12}), token(0, 1, {13, 16}), token(2, 0.6F, {17, 19}),
                                        token(2, 0.8F, {19, 21}, true)};
  const std::vector<Entity> entities = entities_of(text, tokens, tags, Aggregation::simple);
  ASSERT_EQ(entities.size(), 2U);
  EXPECT_EQ(entities[0].label, "PER");
  EXPECT_EQ(entities[0].text, "Ada Lovelace");
  EXPECT_NEAR(entities[0].score, 0.8, 1e-6);
  EXPECT_EQ(entities[1].text, "Zoë");
  EXPECT_EQ(entities[1].span, (TextSpan{17, 20}));
  EXPECT_EQ(entities_of(text, tokens, tags, Aggregation::none).size(), 4U);
  EXPECT_NEAR(entities_of(text, tokens, tags, Aggregation::max).at(1).score, 0.8, 1e-6);
  EXPECT_NEAR(entities_of(text, tokens, tags, Aggregation::first).at(1).score, 0.6, 1e-6);
}

TEST(Tag, BeginsAnewAtB) {
  const std::vector<TokenScores> tokens{token(3, 1, {0, 1}), token(3, 1, {2, 3}), token(4, 1, {4, 5})};
  const std::vector<Entity> entities = entities_of("a b c", tokens, tags, Aggregation::simple);
  ASSERT_EQ(entities.size(), 3U);
  EXPECT_EQ(entities[2].label, "Y");
}

TEST(Tag, EntitiesLieWithinTheirTexts) {
  const CreatedModelFolder folder(Task::tag);
  const std::vector<std::string> texts{"Ada saw Zoë", "", "b"};
  const std::vector<TaggedText> tagged = Tagger(open_model_folder(folder.path()), two_threads).tag(texts);
  ASSERT_EQ(tagged.size(), 3U);
  EXPECT_TRUE(tagged[1].entities.empty());
  for (const Entity& entity : tagged[0].entities) {
    EXPECT_LE(0, entity.span.begin);
    EXPECT_LT(entity.span.begin, entity.span.end);
    EXPECT_LE(entity.span.end, 11);
  }
}

TEST(Answer, TakesTheBestSpanThatIsAllowed) {
  const std::array start{9.0F, 1.0F, 5.0F, 0.0F, 0.0F};
  const std::array end{9.0F, 6.0F, 0.0F, 5.0F, 0.0F};
  const std::array<std::uint8_t, 5> allowed{0, 1, 1, 1, 1};
  const AnswerTokens best = best_answer(start, end, allowed, 15);
  EXPECT_EQ(best.first, 2U);
  EXPECT_EQ(best.last, 3U);
  EXPECT_GT(best.score, 0.2F);
  EXPECT_EQ(best_answer(start, end, allowed, 1).first, 1U);  // one token: start 1 and end 6 beat start 5 and end 0
}

TEST(Answer, ReadsLongContextsInParts) {
  const CreatedModelFolder folder(Task::answer);
  const Answerer answerer(open_model_folder(folder.path()), two_threads);
  std::string context;
  for (int i = 0; i < 100; ++i) context += "ü" + std::string(1, static_cast<char>('a' + i % 26)) + " ";
  const std::vector<Question> questions{{"who", context}, {"what", "b"}};
  const std::vector<Answer> answers = answerer.answer(questions);
  EXPECT_GT(answers[0].tokens, 100);
  EXPECT_GE(answers[0].score, 0);
  EXPECT_EQ(answers[1].text, "b");
  EXPECT_EQ(answers[1].span, (TextSpan{0, 1}));
  ASSERT_LT(answers[0].span.begin, answers[0].span.end);
  ASSERT_LE(answers[0].span.end, characters_in(context, static_cast<std::int64_t>(context.size())));
  EXPECT_EQ(characters_in(answers[0].text, static_cast<std::int64_t>(answers[0].text.size())), answers[0].span.end - answers[0].span.begin);

  const std::vector<Question> empty{{"who", ""}};
  expect_error(ErrorKind::invalid_argument, "input 0: the context is empty", [&] { answerer.answer(empty); });
  const std::vector<Question> long_question{{context, "b"}};
  expect_error(ErrorKind::invalid_argument, "no room for its context", [&] { answerer.answer(long_question); });
}

TEST(AnswersJson, HasShortNumbersAndNamesWhatComputed) {
  const CreatedModelFolder folder(Task::embed);
  const Embedder embedder(open_model_folder(folder.path()), {.backend = "reference", .precision = "fp32", .threads = 1});
  const Embeddings embeddings{
      .values = Tensor::from<float>(std::array{0.1F, -2.0F}, {1, 2}), .tokens = {3}, .truncated = {true}, .notes = {{"ran in 2 pieces"}}};
  AnswerJson object = to_json(embeddings, 0);
  add_placement(object, embedder.model().session());
  EXPECT_EQ(line_of(object),
            R"({"embedding":[0.1,-2.0],"tokens":3,"truncated":true,"notes":["ran in 2 pieces"],"backend":"reference","device":"cpu",)"
            R"("implementation":"reference","precision":"fp32","choice":{"why":"fixed","prefer":"latency","alternatives":[]},)"
            R"("random_weights":true})");
  std::string line;
  append_fields(line, embeddings, 0);
  EXPECT_EQ(line, R"("embedding":[0.1,-2],"tokens":3,"truncated":true,"notes":["ran in 2 pieces"])");
}

TEST(Task, FollowsFromTheHead) {
  EXPECT_EQ(choose_task("", Config::parse(R"({"architectures":["BertForMaskedLM"]})", "config.json")), Task::fill_mask);
  EXPECT_EQ(choose_task("embed", Config::parse(R"({"architectures":["BertForMaskedLM"]})", "config.json")), Task::embed);
  EXPECT_EQ(choose_task("", Config::parse("{}", "config.json")), Task::embed);
  EXPECT_EQ(choose_task("", Config::parse(R"({"architectures":["ElectraForPreTraining"]})", "config.json")), Task::embed);
  EXPECT_EQ(choose_task("", Config::parse(R"({"architectures":["FlaubertWithLMHeadModel"]})", "config.json")), Task::fill_mask);
  EXPECT_EQ(choose_task("", Config::parse(R"({"architectures":["DPRReader"]})", "config.json")), Task::answer);
  expect_error(ErrorKind::invalid_argument, "task 'tag' needs a model with a token_classification head, and this one has base",
               [] { choose_task("tag", Config::parse("{}", "config.json")); });
  expect_error(ErrorKind::invalid_argument, "task 'sing' is not one of embed",
               [] { choose_task("sing", Config::parse("{}", "config.json")); });
}

}  // namespace
}  // namespace accelerate

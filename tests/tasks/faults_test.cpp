// Faults under whole tasks: the answers are right, and say what happened, in C++ and as JSON.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "runtime/rectangle.h"
#include "support/created_model.h"
#include "support/expect_error.h"
#include "support/faulty_backend.h"
#include "tasks/answers_json.h"

namespace accelerate {
namespace {

const std::vector<std::string> texts{"a boat", "a ferry", "the harbour"};
constexpr std::string_view pieces = "they ran in";

/// Sessions on a backend that computes as cpu does, with faults.
SessionOptions options_with(FaultyBackends& backends, bool fallback = true) {
  return {.backend = "reference", .threads = 2, .fallback = fallback, .make_backend = [&backends](std::string_view name) {
            return backends.make(name);
          }};
}

std::string notes_of(const AnswerJson& answer) { return answer.contains("notes") ? answer["notes"].dump() : ""; }

/// Each task's first answer to `texts`, or to one question about them.
std::map<Task, AnswerJson> answers(const SessionOptions& options) {
  std::map<Task, AnswerJson> result;
  const CreatedModelFolder embedding(Task::embed);
  result[Task::embed] = to_json(Embedder(open_model_folder(embedding.path()), options).embed(texts), 0);
  const CreatedModelFolder masked(Task::fill_mask);
  const std::vector<std::string> with_masks{"a [MASK]", "the [MASK]"};
  result[Task::fill_mask] = to_json(MaskFiller(open_model_folder(masked.path()), options).fill(with_masks).front());
  const CreatedModelFolder classifying(Task::classify);
  result[Task::classify] = to_json(Classifier(open_model_folder(classifying.path()), options).classify(inputs_of(texts)).front());
  const CreatedModelFolder tagging(Task::tag);
  result[Task::tag] = to_json(Tagger(open_model_folder(tagging.path()), options).tag(texts).front());
  const CreatedModelFolder answering(Task::answer);
  const std::vector<Question> questions{{"who", "Ada"}, {"where", "the harbour"}};
  result[Task::answer] = to_json(Answerer(open_model_folder(answering.path()), options).answer(questions).front());
  return result;
}

TEST(Faults, StandInTheNotesOfEveryTasksAnswers) {
  FaultyBackends healthy({});
  FaultyBackends partial({{"reference", {.refused = {Op::attention}}}});
  const std::map<Task, AnswerJson> expected = answers(options_with(healthy));
  for (auto [task, answer] : answers(options_with(partial))) {
    EXPECT_NE(notes_of(answer).find("attention (2 nodes) on cpu, for reference refuses it"), std::string::npos) << answer.dump();
    EXPECT_EQ(notes_of(expected.at(task)), "");
    answer.erase("notes");
    EXPECT_EQ(answer, expected.at(task));
  }
}

TEST(Faults, ConcernTheBatchesInWhichTheyWere) {
  const CreatedModelFolder folder(Task::embed);
  const ModelFolder opened = open_model_folder(folder.path());
  const Embeddings expected = Embedder(opened, {.backend = "cpu", .threads = 2}).embed(texts);
  const std::int64_t longest = *std::ranges::max_element(expected.tokens);
  FaultyBackends backends({{"reference", {.most_tokens = longest}}});
  const Embedder embedder(opened, options_with(backends));
  const Embeddings together = embedder.embed(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(together.notes[i].size(), 1U);
    EXPECT_NE(together.notes[i].front().find(pieces), std::string::npos) << together.notes[i].front();
  }
  EXPECT_TRUE(std::ranges::equal(together.values.bytes(), expected.values.bytes()));
  EXPECT_TRUE(embedder.embed(std::span(texts).first(1)).notes.front().empty());
}

TEST(Faults, OfAForwardPassComeWithItsTensors) {
  const CreatedModelFolder folder(Task::embed);
  FaultyBackends backends({{"reference", {.runs = {{0, Fault::device_lost}}}}});
  const Session session(open_model_folder(folder.path()), options_with(backends));
  const std::vector<std::int64_t> ids{5, 6, 7};
  const TensorMap inputs{{"input_ids", Tensor::from<std::int64_t>(ids, {1, 3})}};
  const RunResult first = run_rectangle(session, inputs);
  ASSERT_EQ(first.notes.size(), 1U);
  EXPECT_NE(first.notes.front().find("set up anew"), std::string::npos) << first.notes.front();
  EXPECT_TRUE(run_rectangle(session, inputs).notes.empty());
}

TEST(Faults, AModelWithoutRoomIsPlacedWhereItRuns) {
  const CreatedModelFolder folder(Task::embed);
  FaultyBackends backends({{"reference", {.compilations = {{0, Fault::out_of_memory}}}}});
  const Session session(open_model_folder(folder.path()), options_with(backends));
  EXPECT_EQ(session.placement().backend, "cpu");
  EXPECT_EQ(session.placement().device.name, "cpu");
  EXPECT_TRUE(session.placement().implementation.starts_with("cpu "));
  ASSERT_EQ(session.report().notes.size(), 1U);
  EXPECT_NE(session.report().notes.front().find("reference has no room for the model"), std::string::npos);
}

TEST(Faults, AreErrorsWithoutFallback) {
  const CreatedModelFolder folder(Task::embed);
  const ModelFolder opened = open_model_folder(folder.path());
  FaultyBackends full({{"reference", {.most_tokens = 1}}});
  expect_error(ErrorKind::out_of_memory, "no room", [&] { Embedder(opened, options_with(full, false)).embed(texts); });
  FaultyBackends lost({{"reference", {.runs = {{0, Fault::device_lost}}}}});
  expect_error(ErrorKind::device_lost, "no answer", [&] { Embedder(opened, options_with(lost, false)).embed(texts); });
}

TEST(Faults, HaveExitCodesOfTheirOwn) {
  EXPECT_EQ(exit_code(ErrorKind::out_of_memory), 7);
  EXPECT_EQ(exit_code(ErrorKind::device_lost), 9);
  EXPECT_EQ(name_of(ErrorKind::device_lost), "device_lost");
}

}  // namespace
}  // namespace accelerate

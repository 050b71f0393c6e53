#include "runtime/session.h"

#include <gtest/gtest.h>

#include "runtime/batches.h"
#include "runtime/rectangle.h"
#include "support/created_model.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

Tensor integers(std::vector<std::int64_t> values, std::vector<std::int64_t> shape) {
  return Tensor::from<std::int64_t>(values, std::move(shape));
}

Session load(const CreatedModelFolder& folder) { return Session(open_model_folder(folder.path()), {.threads = 2}); }

TEST(Rectangle, GivesZerosAtPadding) {
  const CreatedModelFolder folder(Task::embed);
  const TensorMap outputs = run_rectangle(load(folder), {{"input_ids", integers({5, 6, 7, 8, 9, 0}, {2, 3})},
                                                         {"attention_mask", integers({1, 1, 1, 1, 1, 0}, {2, 3})}})
                                .outputs;
  const Tensor& states = outputs.at("last_hidden_state");
  ASSERT_EQ(shape_text(states.shape()), "[2, 3, 32]");
  ASSERT_EQ(shape_text(outputs.at("pooler_output").shape()), "[2, 32]");
  for (float value : states.values<float>().last(32)) EXPECT_EQ(value, 0);
  EXPECT_NE(states.values<float>()[4 * 32], 0);
}

TEST(Rectangle, PaddingChangesNothing) {
  const CreatedModelFolder folder(Task::embed);
  const Session session = load(folder);
  const Tensor alone = run_rectangle(session, {{"input_ids", integers({8, 9}, {1, 2})}}).outputs.at("last_hidden_state");
  const Tensor padded = run_rectangle(session, {{"input_ids", integers({5, 6, 7, 8, 9, 0}, {2, 3})},
                                                {"attention_mask", integers({1, 1, 1, 1, 1, 0}, {2, 3})}})
                            .outputs.at("last_hidden_state");
  for (std::size_t i = 0; i < 64; ++i) EXPECT_NEAR(alone.values<float>()[i], padded.values<float>()[96 + i], 1e-5);
}

TEST(Rectangle, TakesPositionIds) {
  const CreatedModelFolder folder(Task::embed);
  const Session session = load(folder);
  const auto states = [&](const std::vector<std::int64_t>& positions) {
    return run_rectangle(session, {{"input_ids", integers({5, 6}, {1, 2})}, {"position_ids", integers(positions, {1, 2})}})
        .outputs.at("last_hidden_state");
  };
  const Tensor usual = run_rectangle(session, {{"input_ids", integers({5, 6}, {1, 2})}}).outputs.at("last_hidden_state");
  EXPECT_EQ(states({0, 1}).values<float>()[0], usual.values<float>()[0]);
  EXPECT_NE(states({3, 4}).values<float>()[0], usual.values<float>()[0]);
  expect_error(ErrorKind::invalid_argument, "'position_ids' is int64 [2, 1]",
               [&] { run_rectangle(session, {{"input_ids", integers({5, 6}, {1, 2})}, {"position_ids", integers({0, 1}, {2, 1})}}); });
}

TEST(Rectangle, TakesWhatElseTheModelReads) {
  const CreatedModelFolder folder(Task::embed, {.model_type = "layoutlm"});
  const Session session = load(folder);
  const auto first_number = [&](TensorMap more) {
    more.emplace("input_ids", integers({5, 6, 7, 8}, {2, 2}));
    more.emplace("attention_mask", integers({1, 1, 0, 1}, {2, 2}));
    const Tensor states = run_rectangle(session, std::move(more)).outputs.at("last_hidden_state");
    return std::pair(states.values<float>()[0], states.values<float>()[96]);
  };
  const auto none = first_number({});
  EXPECT_EQ(first_number({{"bbox", Tensor::zeros(DType::int64, {2, 2, 4})}}), none);
  std::vector<std::int64_t> boxes(16, 0);
  boxes[8] = 3;  // of padding
  EXPECT_EQ(first_number({{"bbox", integers(boxes, {2, 2, 4})}}), none);
  boxes[14] = 9;
  const auto moved = first_number({{"bbox", integers(boxes, {2, 2, 4})}});
  EXPECT_EQ(moved.first, none.first);
  EXPECT_NE(moved.second, none.second);
  expect_error(ErrorKind::invalid_argument, "bbox", [&] { first_number({{"bbox", integers({1, 2, 3, 4}, {2, 2})}}); });
  expect_error(ErrorKind::invalid_argument, "'boxes' is not one of input_ids, attention_mask, token_type_ids, position_ids, bbox",
               [&] { first_number({{"boxes", Tensor::zeros(DType::int64, {2, 2, 4})}}); });
}

TEST(Rectangle, NeighboursArePaddingToo) {
  const CreatedModelFolder folder(Task::embed, {.model_type = "mobilebert"});
  const Session session = load(folder);
  const auto first_number = [&](const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& mask) {
    const auto columns = static_cast<std::int64_t>(ids.size());
    return run_rectangle(session, {{"input_ids", integers(ids, {1, columns})}, {"attention_mask", integers(mask, {1, columns})}})
        .outputs.at("last_hidden_state")
        .values<float>()[0];
  };
  EXPECT_NE(first_number({5, 6}, {1, 0}), first_number({5, 7}, {1, 0}));
  EXPECT_NE(first_number({5, 6}, {1, 0}), first_number({5}, {1}));

  TensorMap ragged{
      {"input_ids", integers({5, 6, 5}, {3})}, {"positions", integers({0, 1, 0}, {3})}, {"sequences", integers({0, 2, 3}, {3})}};
  const Tensor states = session.run(ragged).outputs.at("last_hidden_state");
  EXPECT_NEAR(states.values<float>()[64], first_number({5}, {1}), 1e-6);  // a sequence of its own has no neighbours
}

TEST(Rectangle, RefusesWhatDoesNotFit) {
  const CreatedModelFolder folder(Task::embed);
  const Session session = load(folder);
  expect_error(ErrorKind::invalid_argument, "input 'pixel_values' is not one of input_ids",
               [&] { run_rectangle(session, {{"pixel_values", integers({1}, {1, 1})}}); });
  expect_error(ErrorKind::invalid_argument, "200", [&] { run_rectangle(session, {{"input_ids", integers({5, 200}, {1, 2})}}); });
  expect_error(ErrorKind::invalid_argument, "sequence 1: a text of 41 tokens is longer than the model's 40 positions", [&] {
    std::vector<std::int64_t> mask(82, 1);
    mask[5] = 0;
    run_rectangle(session,
                  {{"input_ids", integers(std::vector<std::int64_t>(82, 5), {2, 41})}, {"attention_mask", integers(mask, {2, 41})}});
  });
}

TEST(Session, LeavesPaddingsPositionsToPadding) {
  const CreatedModelFolder roberta(Task::embed, {.model_type = "roberta", .positions = 40});
  const Session session = load(roberta);
  EXPECT_EQ(session.most_tokens(), 38);
  EXPECT_NO_THROW(run_rectangle(session, {{"input_ids", integers(std::vector<std::int64_t>(38, 5), {1, 38})}}));
  expect_error(ErrorKind::invalid_argument, "39 tokens is longer than the model's 38",
               [&] { run_rectangle(session, {{"input_ids", integers(std::vector<std::int64_t>(39, 5), {1, 39})}}); });
  expect_error(ErrorKind::invalid_argument, "counts its positions itself",
               [&] { run_rectangle(session, {{"input_ids", integers({5}, {1, 1})}, {"position_ids", integers({0}, {1, 1})}}); });
}

TEST(Session, ModelsWithoutTokenTypesIgnoreThem) {
  const CreatedModelFolder folder(Task::embed, {.model_type = "distilbert"});
  const Session session = load(folder);
  const Tensor ids = integers({5, 6}, {1, 2});
  const TensorMap plain = run_rectangle(session, {{"input_ids", ids}}).outputs;
  const TensorMap typed = run_rectangle(session, {{"input_ids", ids}, {"token_type_ids", integers({0, 1}, {1, 2})}}).outputs;
  EXPECT_EQ(plain.at("last_hidden_state").values<float>()[40], typed.at("last_hidden_state").values<float>()[40]);
}

TEST(Session, SaysWhereItComputes) {
  const CreatedModelFolder folder(Task::embed);
  const Session session(open_model_folder(folder.path()), {.backend = "reference", .threads = 1});
  EXPECT_EQ(session.placement().backend, "reference");
  EXPECT_EQ(session.placement().isa(), "");
  EXPECT_EQ(session.placement().precision, Precision::fp32);
  EXPECT_EQ(session.placement().threads, 1);
  EXPECT_TRUE(session.folder().random_weights);
}

TEST(Session, RefusesOptionsItCannotMeet) {
  const CreatedModelFolder folder(Task::embed);
  const ModelFolder opened = open_model_folder(folder.path());
  expect_error(ErrorKind::invalid_argument, "gpu", [&] { Session(opened, {.backend = "gpu"}); });
  expect_error(ErrorKind::unavailable, "backend 'cuda'", [&] { Session(opened, {.backend = "cuda"}); });
  expect_error(ErrorKind::unsupported, "precision 'fp16'", [&] { Session(opened, {.backend = "cpu", .precision = "fp16"}); });
  expect_error(ErrorKind::invalid_argument, "precision 'half'", [&] { Session(opened, {.precision = "half"}); });
  expect_error(ErrorKind::invalid_argument, "fuse_nothing", [&] { Session(opened, {.disabled_passes = {"fuse_nothing"}}); });
}

TEST(Batches, KeepToTheBudgetAndHoldEveryInputOnce) {
  const std::vector<std::int64_t> lengths{3, 9, 1, 4, 20, 4};
  std::vector<int> seen(lengths.size(), 0);
  std::int64_t longest_of_last = 1000;
  for (const std::vector<std::size_t>& batch : batches_by_length(lengths, 10)) {
    std::int64_t tokens = 0;
    for (std::size_t i : batch) {
      ++seen[i];
      tokens += lengths[i];
    }
    EXPECT_TRUE(tokens <= 10 || batch.size() == 1);
    EXPECT_LE(lengths[batch.front()], longest_of_last);
    longest_of_last = lengths[batch.back()];
  }
  EXPECT_EQ(seen, std::vector<int>(lengths.size(), 1));
  EXPECT_TRUE(batches_by_length({}, 10).empty());
}

}  // namespace
}  // namespace accelerate

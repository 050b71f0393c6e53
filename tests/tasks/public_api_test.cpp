#include <gtest/gtest.h>
#include <ipfs_accelerate/devices.h>
#include <ipfs_accelerate/model.h>

#include <thread>

#include "support/created_model.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

const std::vector<std::string> texts{"a boat", "a ferry", std::string(500, '.')};

TEST(Model, EmbedsForwardsAndSaysWhatItIs) {
  const CreatedModelFolder folder(Task::embed);
  const Model model = Model::load(folder.path(), {.backend = "reference", .precision = "fp32", .threads = 1});
  const EmbedResult result = model.embed(texts);
  EXPECT_EQ(shape_text(result.vectors.shape()), "[3, 32]");
  EXPECT_EQ(result.truncated, (std::vector<bool>{false, false, true}));
  expect_error(ErrorKind::invalid_argument, "input 2", [&] { model.embed(texts, {.truncate = false}); });

  const std::vector<std::int64_t> ids{5, 6, 7};
  const TensorMap outputs = model.forward({{"input_ids", Tensor::from<std::int64_t>(ids, {1, 3})}}).outputs;
  EXPECT_EQ(shape_text(outputs.at("last_hidden_state").shape()), "[1, 3, 32]");

  const ModelInfo& info = model.info();
  EXPECT_EQ(info.model_type, "bert");
  EXPECT_EQ(info.head, "base");
  EXPECT_EQ(info.backend, "reference");
  EXPECT_EQ(info.precision, "fp32");
  EXPECT_EQ(info.hidden_size, 32);
  EXPECT_EQ(info.most_tokens, 40);
  EXPECT_GT(info.parameters, 200 * 32);
  EXPECT_TRUE(info.random_weights);
  EXPECT_EQ(info.choice, "fixed");
  EXPECT_TRUE(info.alternatives.empty());
}

TEST(Model, SaysWhatElseItCouldRunOn) {
  const CreatedModelFolder folder(Task::embed);
  const Model model = Model::load(folder.path(), {.backend = "cpu", .threads = 1, .accuracy = 0.5});
  EXPECT_EQ(model.info().choice, "measured");
  ASSERT_GE(model.info().alternatives.size(), 2U);
  for (const Alternative& row : model.info().alternatives) {
    EXPECT_EQ(row.backend, "cpu");
    EXPECT_NE(row.precision, model.info().precision);
    EXPECT_TRUE(row.slower);
  }
  expect_error(ErrorKind::invalid_argument, "'speed'", [&] { Model::load(folder.path(), {.prefer = "speed"}); });
}

TEST(Model, MayBeUsedFromManyThreadsAtOnce) {
  const CreatedModelFolder folder(Task::fill_mask);
  const Model model = Model::load(folder.path(), {.threads = 2});
  const Tensor expected = model.embed(texts).vectors;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const Tensor vectors = model.embed(texts).vectors;
      for (std::size_t j = 0; j < 96; ++j) EXPECT_NEAR(vectors.values<float>()[j], expected.values<float>()[j], 1e-6);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Model, ReportsWhatIsWrongWithTheFolder) {
  const TemporaryFolder folder;
  expect_error(ErrorKind::not_found, "no such folder", [&] { Model::load(folder.path() / "absent"); });
  expect_error(ErrorKind::not_found, "has no config.json", [&] { Model::load(folder.path()); });
}

TEST(Devices, ListsEveryBackendWithDevicesOrAReason) {
  bool reference = false;
  for (const BackendDevices& row : list_devices()) {
    EXPECT_NE(row.devices.empty(), row.reason.empty()) << row.backend;
    EXPECT_EQ(row.devices.empty(), row.precisions.empty()) << row.backend;
    reference = reference || (row.backend == "reference" && !row.devices.empty());
  }
  EXPECT_TRUE(reference);
}

TEST(Devices, DescribeTheMachineAndItsInstructionSets) {
  EXPECT_GE(describe_machine().usable_cores, 1);
  int selected = 0;
  for (const InstructionSet& set : list_instruction_sets()) {
    EXPECT_NE(set.usable, !set.reason.empty()) << set.name;
    EXPECT_TRUE(set.usable || !set.selected) << set.name;
    selected += set.selected ? 1 : 0;
  }
  EXPECT_EQ(selected, 1);
}

}  // namespace
}  // namespace accelerate

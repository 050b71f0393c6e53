#include "formats/checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "formats/safetensors.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

constexpr const char* index_name = "model.safetensors.index.json";

Tensor tensor_of(float value) { return Tensor::from<float>(std::vector{value}, {1}); }

/// A folder with shard "one" (a, c.weight) and shard "two" (b).
class Sharded : public testing::Test {
 protected:
  Sharded() {
    write_safetensors(folder_.path() / "one", {{"a", tensor_of(1)}, {"c.weight", tensor_of(3)}});
    write_safetensors(folder_.path() / "two", {{"b", tensor_of(2)}});
  }

  void index(const std::string& weight_map) const { folder_.write(index_name, R"({"weight_map": {)" + weight_map + "}}"); }
  void expect_refusal(ErrorKind kind, std::string_view fragment) const {
    expect_error(kind, fragment, [&] { Checkpoint checkpoint(folder_.path()); });
  }

  TemporaryFolder folder_;
};

TEST_F(Sharded, FindsEachTensorInItsShard) {
  index(R"("a": "one", "b": "two", "c.weight": "one")");
  Checkpoint checkpoint(folder_.path());
  EXPECT_EQ(checkpoint.names(), (std::vector<std::string>{"a", "b", "c.weight"}));
  EXPECT_EQ(checkpoint.byte_size(), 12U);
  ASSERT_NE(checkpoint.find("b"), nullptr);
  EXPECT_EQ(checkpoint.find("b")->values<float>()[0], 2.0F);
  EXPECT_EQ(checkpoint.find("c.weight")->values<float>()[0], 3.0F);
  EXPECT_EQ(checkpoint.find("b"), checkpoint.find("b"));
  EXPECT_EQ(checkpoint.find("d"), nullptr);
  ASSERT_NE(checkpoint.entry("a"), nullptr);
  EXPECT_EQ(checkpoint.entry("a")->type, "F32");
  EXPECT_EQ(checkpoint.entry("d"), nullptr);
}

TEST_F(Sharded, KnowsNamesAndWhatTheyBeginWith) {
  index(R"("a": "one", "b": "two")");
  const Checkpoint checkpoint(folder_.path());
  for (const char* name : {"a", "c", "c.weight"}) EXPECT_TRUE(checkpoint.contains(name)) << name;
  for (const char* name : {"", "c.", "c.w", "d", "a.weight"}) EXPECT_FALSE(checkpoint.contains(name)) << name;
}

TEST_F(Sharded, WrongIndexesAreRefused) {
  index(R"("a": "three")");
  expect_refusal(ErrorKind::not_found, "index.json: tensor 'a' is in 'three', which is missing");
  index(R"("a": "one", "b": "one")");
  expect_refusal(ErrorKind::invalid_file, "index.json: tensor 'b' should be in 'one', which has no such tensor");
  index(R"("a": "../one")");
  expect_refusal(ErrorKind::invalid_file, R"(index.json: 'weight_map.a' is "../one", expected a file inside the model's folder)");
  index(R"("a": "/etc/passwd")");
  expect_refusal(ErrorKind::invalid_file, R"('weight_map.a' is "/etc/passwd", expected a file inside)");
  index(R"("a": "")");
  expect_refusal(ErrorKind::invalid_file, "expected a file inside");
  index(R"("a": "one", "a": "two")");
  expect_refusal(ErrorKind::invalid_file, "the key 'a' appears twice");
  index(R"("a": 1)");
  expect_refusal(ErrorKind::invalid_file, "'weight_map.a' is 1, expected a text");
  folder_.write(index_name, "{}");
  expect_refusal(ErrorKind::invalid_file, "'weight_map' is missing, expected an object");
  folder_.write(index_name, "[]");
  expect_refusal(ErrorKind::invalid_file, "index.json: is [], expected a JSON object");
}

TEST_F(Sharded, ATensorInTwoShardsIsRefused) {
  write_safetensors(folder_.path() / "two", {{"b", tensor_of(2)}, {"a", tensor_of(4)}});
  index(R"("a": "one", "b": "two")");
  expect_refusal(ErrorKind::invalid_file, "two: tensor 'a' is in ");
}

TEST_F(Sharded, ADamagedShardIsRefusedByName) {
  folder_.write("two", "damaged");
  index(R"("a": "one", "b": "two")");
  expect_refusal(ErrorKind::invalid_file, "two: has 7 bytes");
}

TEST(Checkpoint, OneFileGoesBeforeAnIndex) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "model.safetensors", {{"w", tensor_of(5)}});
  folder.write(index_name, "not looked at");
  EXPECT_EQ(Checkpoint(folder.path()).names(), std::vector<std::string>{"w"});
}

TEST(Checkpoint, SafetensorsGoBeforeWhatTorchWrote) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "one", {{"w", tensor_of(5)}});
  folder.write(index_name, R"({"weight_map": {"w": "one"}})");
  folder.write("pytorch_model.bin", "not looked at");
  EXPECT_EQ(Checkpoint(folder.path()).names(), std::vector<std::string>{"w"});
}

TEST(Checkpoint, TensorsOutliveIt) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "model.safetensors", {{"w", tensor_of(5)}});
  const Tensor tensor = *Checkpoint(folder.path()).find("w");
  EXPECT_EQ(tensor.values<float>()[0], 5.0F);
}

TEST(Checkpoint, AReleasedTensorCanBeReadAgain) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "model.safetensors", {{"w", Tensor::from<float>(std::vector<float>(1 << 16, 5.0F), {1 << 16})}});
  Checkpoint checkpoint(folder.path());
  const Tensor& tensor = *checkpoint.find("w");
  checkpoint.release(tensor);
  checkpoint.release(tensor_of(1));
  EXPECT_TRUE(std::ranges::all_of(tensor.values<float>(), [](float value) { return value == 5.0F; }));
}

TEST(Checkpoint, FoldersWithoutOneAreRefused) {
  const TemporaryFolder folder;
  expect_error(ErrorKind::not_found, "none: no such folder", [&] { Checkpoint checkpoint(folder.path() / "none"); });
  expect_error(ErrorKind::not_found, "has neither model.safetensors nor pytorch_model.bin, nor an index of the shards of either",
               [&] { Checkpoint checkpoint(folder.path()); });
}

}  // namespace
}  // namespace accelerate

#include "formats/torch_checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "formats/checkpoint.h"
#include "formats/safetensors.h"
#include "formats/zip_bytes.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

using namespace std::string_literals;

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(ACCELERATE_TEST_DATA) / "formats/fixtures/torch" / name;
}

std::string text_of(const std::filesystem::path& path) { return read_text_file(path, 1 << 20); }

TensorEntries parse(const std::string& bytes) { return parse_torch_checkpoint(std::as_bytes(std::span(bytes)), "x.bin"); }

void expect_same(const TensorMap& got, const TensorMap& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(got.contains(name)) << name;
    EXPECT_EQ(got.at(name).dtype(), tensor.dtype()) << name;
    EXPECT_TRUE(std::ranges::equal(got.at(name).shape(), tensor.shape())) << name << ": " << shape_text(got.at(name).shape());
    EXPECT_TRUE(std::ranges::equal(got.at(name).bytes(), tensor.bytes())) << name;
  }
}

class Fixture : public testing::TestWithParam<const char*> {};

TEST_P(Fixture, HasTheTensorsThatTorchSaved) {
  const TensorMap expected = SafetensorsFile::open(fixture(GetParam() + ".safetensors"s)).tensors();
  expect_same(open_torch_checkpoint(fixture(GetParam() + ".bin"s)).tensors(), expected);
}

TEST_P(Fixture, CutAnywhereItIsRefused) {
  const std::string whole = text_of(fixture(GetParam() + ".bin"s));
  for (std::size_t length = 0; length < whole.size(); ++length)
    expect_error(ErrorKind::invalid_file, "x.bin: ", [&] { parse(whole.substr(0, length)); });
}

INSTANTIATE_TEST_SUITE_P(Torch, Fixture,
                         testing::Values("every_type", "every_type_legacy", "views", "views_legacy", "tied", "tied_legacy", "parameters",
                                         "parameters_legacy", "protocol_3", "protocol_4", "protocol_5"),
                         [](const auto& name) { return std::string(name.param); });

TEST(TorchCheckpoint, TensorsAreViewsWhereTheyCanBe) {
  const TensorFile views = open_torch_checkpoint(fixture("views.bin"));
  const auto is_dense = [&](const char* name) { return views.entries().at(name).strides.empty(); };
  for (const char* name : {"base", "part", "one_row", "scalar", "nothing", "expanded_ones"}) EXPECT_TRUE(is_dense(name)) << name;
  for (const char* name : {"transposed", "permuted", "every_second", "one_column"}) EXPECT_FALSE(is_dense(name)) << name;
  const Tensor base = views.tensor("base");
  EXPECT_EQ(views.tensor("part").bytes().data(), base.bytes().data() + std::size_t{80} * sizeof(float));
  EXPECT_EQ(views.tensor("scalar").bytes().data(), base.bytes().data() + std::size_t{119} * sizeof(float));
}

TEST(TorchCheckpoint, TiedWeightsShareTheirBytes) {
  const TensorFile tied = open_torch_checkpoint(fixture("tied.bin"));
  EXPECT_EQ(tied.tensor("decoder.weight").bytes().data(), tied.tensor("embeddings.weight").bytes().data());
}

TEST(TorchCheckpoint, MisplacedTensorsAreReadAsCopies) {
  const TensorFile file = open_torch_checkpoint(fixture("every_type_legacy.bin"));
  bool is_misplaced = false;
  for (const auto& [name, entry] : file.entries()) {
    is_misplaced |= entry.offset % size_of(*entry.dtype) != 0;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.tensor(name).bytes().data()) % size_of(*entry.dtype), 0U) << name;
  }
  EXPECT_TRUE(is_misplaced) << "the fixture tests nothing";
}

TEST(TorchCheckpoint, TensorsOutliveTheFile) {
  const TemporaryFolder folder;
  std::filesystem::copy(fixture("tied.bin"), folder.path() / "x.bin");
  std::optional<TensorFile> file = open_torch_checkpoint(folder.path() / "x.bin");
  const Tensor tensor = file->tensor("norm.running_var");
  file.reset();
  std::filesystem::remove(folder.path() / "x.bin");
  EXPECT_EQ(tensor.values<float>()[2], 1.0F);
}

TEST(TorchCheckpoint, ShardsAreFoundThroughTheirIndex) {
  Checkpoint checkpoint(fixture("sharded"));
  const TensorMap expected = SafetensorsFile::open(fixture("sharded/expected.safetensors")).tensors();
  TensorMap got;
  for (const std::string& name : checkpoint.names()) got.emplace(name, *checkpoint.find(name));
  expect_same(got, expected);
  EXPECT_EQ(checkpoint.byte_size(), 28U);
  ASSERT_NE(checkpoint.entry("b"), nullptr);
  EXPECT_EQ(checkpoint.entry("b")->type, "F32");
}

TEST(TorchCheckpoint, AFolderMayHaveOnlyIt) {
  const TemporaryFolder folder;
  std::filesystem::copy(fixture("parameters.bin"), folder.path() / "pytorch_model.bin");
  EXPECT_EQ(Checkpoint(folder.path()).names(), (std::vector<std::string>{"buffer", "weight"}));
}

/// The pickle of a state dict with the float32 tensor "w" in storage "0".
std::string pickle_of(const std::string& elements, const std::string& offset, const std::string& shape, const std::string& strides) {
  return "\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"s + "0N" +
         elements + "tQ" + offset + shape + strides + "\x89}tRs.";
}

std::string archive_of(const std::string& pickle, const std::string& data = std::string(24, '\0')) {
  return zip_of({{.name = "archive/data.pkl", .bytes = pickle},
                 {.name = "archive/byteorder", .bytes = "little"},
                 {.name = "archive/data/0", .bytes = data},
                 {.name = "archive/version", .bytes = "3\n"}});
}

TEST(TorchCheckpoint, TensorsThatLeaveTheirStorageAreRefused) {
  const std::string six = "K\x06";
  const std::string zero = "K\0"s;
  const std::string huge = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
  const std::string shape = "K\x02K\x03\x86";
  const std::string strides = "K\x03K\x01\x86";
  EXPECT_EQ(parse(archive_of(pickle_of(six, zero, shape, strides))).at("w").byte_size, 24U);
  EXPECT_EQ(parse(archive_of(pickle_of(zero, huge, "K\0\x85"s, huge + "\x85"))).at("w").byte_size, 0U);
  const struct {
    const char* what;
    std::string pickle;
    const char* fragment;
  } cases[] = {
      {"storage beyond the file", pickle_of("K\x07", zero, shape, strides),
       "is in storage '0' of 7 elements, but the file has 24 bytes of it"},
      {"storage beyond any file", pickle_of(huge, zero, shape, strides), "is in storage '0' of 9223372036854775807 elements"},
      {"offset", pickle_of(six, "K\x01", shape, strides), "of shape [2, 3], strides [3, 1] and offset 1 leaves its storage of 6 elements"},
      {"huge offset", pickle_of(six, huge, shape, strides), "leaves its storage of 6 elements"},
      {"shape", pickle_of(six, zero, "K\x03K\x03\x86", strides), "leaves its storage of 6 elements"},
      {"stride", pickle_of(six, zero, shape, "K\x04K\x01\x86"), "leaves its storage of 6 elements"},
      {"huge stride", pickle_of(six, zero, shape, huge + "K\x01\x86"), "leaves its storage of 6 elements"},
      {"huge strides", pickle_of(six, zero, "K\x03K\x03\x86", huge + huge + "\x86"), "leaves its storage of 6 elements"},
      {"huge shape", pickle_of(six, zero, huge + "K\x02\x86", strides), "has more elements than any file"},
      {"expanded", pickle_of(six, zero, huge + "\x85", zero + "\x85"), "has 9223372036854775807 elements in a storage of 6"},
      {"expanded a little", pickle_of(six, zero, "K\x07\x85", zero + "\x85"), "has 7 elements in a storage of 6"},
  };
  for (const auto& wrong : cases) {
    SCOPED_TRACE(wrong.what);
    expect_error(ErrorKind::invalid_file, "x.bin: tensor 'w' ", [&] { parse(archive_of(wrong.pickle)); });
    expect_error(ErrorKind::invalid_file, wrong.fragment, [&] { parse(archive_of(wrong.pickle)); });
  }
}

TEST(TorchCheckpoint, WhatIsNoneIsRefused) {
  const std::string good = pickle_of("K\x06", "K\0"s, "K\x06\x85", "K\x01\x85");
  const std::string magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
  const std::string legacy = magic + "\x80\x02M\xe9\x03." + "\x80\x02}." + good + "]X\x01\0\0\0"s + "0a.";
  const struct {
    const char* what;
    std::string bytes;
    ErrorKind kind;
    const char* fragment;
  } cases[] = {
      {"nothing", "", ErrorKind::invalid_file, "x.bin: begins with '', expected a file that torch.save wrote"},
      {"another file", "hello world", ErrorKind::invalid_file, "begins with 'hello wo'"},
      {"a pickle alone", good, ErrorKind::invalid_file, "expected a file that torch.save wrote"},
      {"Git LFS", "version https://git-lfs.github.com/spec/v1\n", ErrorKind::invalid_file, "is a pointer of Git LFS to the checkpoint"},
      {"no pickle", zip_of({{.name = "word/document.xml", .bytes = "x"}}), ErrorKind::invalid_file, "a zip archive without data.pkl"},
      {"pickle elsewhere", zip_of({{.name = "a/b/data.pkl", .bytes = good}}), ErrorKind::invalid_file, "a zip archive without data.pkl"},
      {"TorchScript", zip_of({{.name = "a/data.pkl", .bytes = good}, {.name = "a/constants.pkl", .bytes = "N."}}), ErrorKind::unsupported,
       "is a TorchScript program"},
      {"big-endian", zip_of({{.name = "a/data.pkl", .bytes = good}, {.name = "a/byteorder", .bytes = "big"}}), ErrorKind::unsupported,
       "byteorder is 'big', expected 'little'"},
      {"compressed", zip_of({{.name = "a/data.pkl", .bytes = good, .method = 8}}), ErrorKind::unsupported, "'a/data.pkl' is compressed"},
      {"no storage", zip_of({{.name = "a/data.pkl", .bytes = good}}), ErrorKind::invalid_file,
       "tensor 'w' is in storage '0', which the file lacks"},
      {"a program", archive_of("cos\nsystem\n(X\x02\0\0\0idtR."s), ErrorKind::invalid_file,
       "x.bin: pickle: byte 11: asks for 'os.system', which is not a tensor"},
      {"no dictionary", archive_of("]."), ErrorKind::invalid_file, "holds no dictionary of tensors"},
      {"a dictionary of something else", archive_of("}K\x01K\x02s."), ErrorKind::invalid_file, "its dictionary holds no tensors"},
      {"legacy of another protocol", magic + "K\x01.", ErrorKind::invalid_file, "is of another protocol than 1001"},
      {"legacy, big-endian", magic + "M\xe9\x03.}X\x0d\0\0\0little_endian\x89s."s, ErrorKind::unsupported,
       "written on a big-endian machine"},
      {"legacy, a program", magic + "M\xe9\x03.N.cos\nsystem\n.", ErrorKind::invalid_file, "asks for 'os.system', which is not a tensor"},
      {"legacy without storages", legacy, ErrorKind::invalid_file, "storages: byte 0: expected elements of 8 bytes, but 0 are left"},
      {"legacy, huge storage", legacy + std::string(8, '\x7f'), ErrorKind::invalid_file,
       "storage '0' has 9187201950435737471 elements of 4"},
      {"legacy, short storage", legacy + little_endian(5, 8) + std::string(20, '\0'), ErrorKind::invalid_file,
       "tensor 'w' is in storage '0' of 6 elements, but the file has 20 bytes of it"},
      {"legacy, unknown storage", magic + "M\xe9\x03.N." + good + "]X\x01\0\0\0"s + "1a." + std::string(8, '\0'), ErrorKind::invalid_file,
       "storage '1' is of no tensor"},
  };
  for (const auto& wrong : cases) {
    SCOPED_TRACE(wrong.what);
    expect_error(wrong.kind, wrong.fragment, [&] { parse(wrong.bytes); });
  }
  EXPECT_EQ(parse(legacy + little_endian(6, 8) + std::string(24, '\0')).size(), 1U);
}

TEST(TorchCheckpoint, TypesWithoutADtypeAreListedAndRefusedWhenRead) {
  const TemporaryFolder folder;
  std::string pickle = pickle_of("K\x06", "K\0"s, "K\x03\x85", "K\x01\x85");
  pickle.replace(pickle.find("FloatStorage"), 12, "ComplexFloatStorage");
  const TensorFile file = open_torch_checkpoint(folder.write("x.bin", archive_of(pickle, std::string(48, '\0'))));
  EXPECT_EQ(file.entries().at("w").type, "C64");
  expect_error(ErrorKind::unsupported, "x.bin: tensor 'w': dtype C64 cannot be read", [&] { file.tensor("w"); });
}

TEST(TorchCheckpoint, BooleansThatAreNoneAreRefused) {
  const TemporaryFolder folder;
  std::string pickle = pickle_of("K\x06", "K\0"s, "K\x03\x85", "K\x02\x85");
  pickle.replace(pickle.find("FloatStorage"), 12, "BoolStorage");
  const TensorFile file = open_torch_checkpoint(folder.write("x.bin", archive_of(pickle, "\x01\x07\0\x07\x02\x07"s)));
  expect_error(ErrorKind::invalid_file, "tensor 'w': a BOOL is neither 0 nor 1", [&] { file.tensor("w"); });
}

}  // namespace
}  // namespace accelerate

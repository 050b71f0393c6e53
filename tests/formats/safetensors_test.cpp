#include "formats/safetensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

std::string little_endian(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return little_endian(header.size()) + header + std::string(data_bytes, '\0');
}

/// A header with the one tensor "a".
std::string with_a(const std::string& fields) { return R"({"a":{)" + fields + "}}"; }

TEST(Safetensors, RoundTripOfEveryType) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.safetensors";
  TensorMap tensors;
  for (const DType dtype : {DType::boolean, DType::uint8, DType::int8, DType::int16, DType::int32, DType::int64, DType::float16,
                            DType::bfloat16, DType::float32, DType::float64}) {
    Tensor tensor = Tensor::zeros(dtype, {3, 1});
    for (std::byte& byte : tensor.mutable_bytes()) byte = std::byte{1};
    tensors.emplace(name_of(dtype), tensor);
  }
  tensors.emplace("a \"scalar\" é", Tensor::from<float>(std::vector{1.5F}, {}));
  tensors.emplace("nothing", Tensor::zeros(DType::float32, {0, 7}));
  write_safetensors(path, tensors, {{"format", "pt"}, {"by", "a test"}});

  const SafetensorsFile file = SafetensorsFile::open(path);
  EXPECT_EQ(file.metadata(), (SafetensorsMetadata{{"format", "pt"}, {"by", "a test"}}));
  const TensorMap read = file.tensors();
  ASSERT_EQ(read.size(), tensors.size());
  std::size_t total = 0;
  for (const auto& [name, tensor] : tensors) {
    const Tensor& other = read.at(name);
    EXPECT_EQ(other.dtype(), tensor.dtype()) << name;
    EXPECT_TRUE(std::ranges::equal(other.shape(), tensor.shape())) << name;
    EXPECT_TRUE(std::ranges::equal(other.bytes(), tensor.bytes())) << name;
    EXPECT_EQ(file.entries().at(name).offset % size_of(tensor.dtype()), 0U) << name << " is not aligned";
    total += tensor.byte_size();
  }
  EXPECT_EQ(file.byte_size(), total);
}

TEST(Safetensors, AFileWithoutTensorsIsValid) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "x", {});
  EXPECT_TRUE(SafetensorsFile::open(folder.path() / "x").tensors().empty());
  EXPECT_TRUE(SafetensorsFile::open(folder.write("y", file_of("{}", 0))).tensors().empty());
}

TEST(Safetensors, TensorsOutliveTheFileObjectAndTheFile) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x";
  write_safetensors(path, {{"w", Tensor::from<float>(std::vector{1.0F, 2.0F, 3.0F}, {3})}});
  std::optional<SafetensorsFile> file = SafetensorsFile::open(path);
  const Tensor tensor = file->tensor("w");
  file.reset();
  std::filesystem::remove(path);
  EXPECT_EQ(tensor.values<float>()[2], 3.0F);
}

TEST(Safetensors, AMappedTensorIsReadOnly) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "x", {{"w", Tensor::zeros(DType::float32, {4})}});
  Tensor tensor = SafetensorsFile::open(folder.path() / "x").tensor("w");
  expect_error(ErrorKind::invalid_argument, "read-only", [&] { static_cast<void>(tensor.mutable_values<float>()); });
}

TEST(Safetensors, AMisplacedTensorIsReadAsACopy) {
  const TemporaryFolder folder;
  const std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})";
  const std::string data("\x07\x00\x00\x80\x3f", 5);
  const Tensor tensor = SafetensorsFile::open(folder.write("x", little_endian(header.size()) + header + data)).tensor("b");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) % alignof(float), 0U);
  EXPECT_EQ(tensor.values<float>()[0], 1.0F);
}

TEST(Safetensors, TypesWithoutADtypeAreListedAndRefusedWhenRead) {
  const TemporaryFolder folder;
  for (const auto& [type, bytes] : {std::pair("F8_E4M3", 4), std::pair("U64", 32), std::pair("F4", 2), std::pair("F6_E2M3", 3)}) {
    const std::string size = std::to_string(bytes);
    const std::string header = with_a(R"("dtype":")" + std::string(type) + R"(","shape":[4],"data_offsets":[0,)" + size + "]");
    const SafetensorsFile file = SafetensorsFile::open(folder.write("x", file_of(header, static_cast<std::size_t>(bytes))));
    EXPECT_EQ(file.entries().at("a").type, type);
    EXPECT_EQ(file.entries().at("a").shape, std::vector<std::int64_t>{4});
    expect_error(ErrorKind::unsupported, std::string("x: tensor 'a': dtype ") + type, [&] { file.tensor("a"); });
  }
}

TEST(Safetensors, ReadingRefusesAbsentTensorsAndBooleansThatAreNone) {
  const TemporaryFolder folder;
  const std::string header = with_a(R"("dtype":"BOOL","shape":[2],"data_offsets":[0,2])");
  const SafetensorsFile file = SafetensorsFile::open(folder.write("x", little_endian(header.size()) + header + "\x01\x02"));
  expect_error(ErrorKind::not_found, "x: has no tensor 'b'", [&] { file.tensor("b"); });
  expect_error(ErrorKind::invalid_file, "tensor 'a': a BOOL is neither 0 nor 1", [&] { file.tensor("a"); });
}

TEST(Safetensors, HostileFilesAreRefusedByWhatIsWrong) {
  struct Case {
    const char* name;
    std::string bytes;
    const char* fragment;
  };
  const std::string good = with_a(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])");
  const auto two = [](const char* first, const char* second, std::size_t data) {
    const std::string rest = R"("dtype":"U8","shape":[2],"data_offsets":)";
    return file_of(R"({"a":{)" + rest + first + R"(},"b":{)" + rest + second + "}}", data);
  };
  const Case cases[] = {
      {"no length", "1234567", "has 7 bytes, expected a safetensors file of at least 8"},
      {"huge length", little_endian(~std::uint64_t{0}) + "{}", "header's length is 18446744073709551615 bytes, expected at most 100000000"},
      {"NaN as length", little_endian(0x7ff8000000000000U) + "{}", "header's length is 9221120237041090560 bytes"},
      {"length over the limit", little_endian(100'000'001) + "{}", "header's length is 100000001 bytes, expected at most"},
      {"cut in the header", little_endian(100) + "{}", "header's length is 100 bytes, but only 2 follow: the file is cut short"},
      {"cut in the data", file_of(good, 7), "tensor 'a': data_offsets [0, 8] lie outside the 7 bytes of data"},
      {"trailing bytes", file_of(good, 9), "the tensors end at byte 8 of the data, but the file has 9"},
      {"empty header", file_of("", 0), "header: not valid JSON"},
      {"not JSON", file_of("PK\x03\x04", 0), "header: not valid JSON"},
      {"not UTF-8", file_of("{\"\xff\xfe\": 1}", 0), "header: not valid JSON"},
      {"zeros after the JSON", file_of(good + std::string(4, '\0'), 8), "header: not valid JSON: a zero byte at position"},
      {"a list", file_of("[]", 0), "header is [], expected an object"},
      {"nested deeply", file_of(std::string(8'000'000, '['), 0), "header: JSON nested deeper than 64 levels"},
      {"a name twice", file_of(R"({"a":1,"a":2})", 0), "header: the key 'a' appears twice"},
      {"a field twice", file_of(with_a(R"("dtype":"F32","dtype":"F64")"), 0), "header: the key 'dtype' appears twice"},
      {"a tensor that is a number", file_of(R"({"a":3})", 0), "tensor 'a': is 3, expected an object"},
      {"a name with a line break", file_of(R"({"a\nb":3})", 0), "tensor 'a\\nb': is 3"},
      {"no dtype", file_of(with_a(R"("shape":[2],"data_offsets":[0,8])"), 8), "tensor 'a': dtype is missing"},
      {"unknown dtype", file_of(with_a(R"("dtype":"F31","shape":[2],"data_offsets":[0,8])"), 8),
       "dtype is \"F31\", expected one of BOOL, U8"},
      {"numeric dtype", file_of(with_a(R"("dtype":32,"shape":[2],"data_offsets":[0,8])"), 8), "dtype is 32, expected one of"},
      {"no shape", file_of(with_a(R"("dtype":"F32","data_offsets":[0,8])"), 8), "tensor 'a': shape is missing"},
      {"negative size", file_of(with_a(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), 8),
       "shape is [-2], expected a list of whole"},
      {"fractional size", file_of(with_a(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"), 8), "shape is [2.0], expected a list"},
      {"size over 63 bits", file_of(with_a(R"("dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,8])"), 8),
       "expected a list of whole"},
      {"overflowing shape", file_of(with_a(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0])"), 0),
       "shape [4294967296,4294967296] has more elements than any file"},
      {"overflow before a zero", file_of(with_a(R"("dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0])"), 0),
       "has more elements than any file"},
      {"half a byte", file_of(with_a(R"("dtype":"F4","shape":[3],"data_offsets":[0,2])"), 2), "F4 [3] is not a whole number of bytes"},
      {"no offsets", file_of(with_a(R"("dtype":"F32","shape":[2])"), 8), "tensor 'a': data_offsets is missing"},
      {"one offset", file_of(with_a(R"("dtype":"F32","shape":[2],"data_offsets":[8])"), 8), "data_offsets is [8], expected two whole"},
      {"negative offset", file_of(with_a(R"("dtype":"F32","shape":[2],"data_offsets":[-8,0])"), 8), "data_offsets is [-8,0], expected two"},
      {"reversed offsets", file_of(with_a(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), 8),
       "data_offsets [8, 0] end before they begin"},
      {"offsets near 2^64", file_of(with_a(R"("dtype":"U8","shape":[2],"data_offsets":[18446744073709551613,18446744073709551615])"), 2),
       "lie outside the 2 bytes of data"},
      {"too few bytes", file_of(with_a(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), 8),
       "data_offsets [0, 8] hold 8 bytes, but F32 [3] needs 12"},
      {"hole", two("[0,2]", "[3,5]", 5), "tensor 'b': begins at byte 3 of the data, expected 2"},
      {"hole at the start", two("[1,3]", "[3,5]", 5), "tensor 'a': begins at byte 1 of the data, expected 0"},
      {"overlap", two("[0,2]", "[1,3]", 3), "tensor 'b': begins at byte 1 of the data, expected 2"},
      {"shared bytes", two("[0,2]", "[0,2]", 2), "begins at byte 0 of the data, expected 2"},
      {"metadata that is a list", file_of(R"({"__metadata__":[]})", 0), "__metadata__ is [], expected an object of texts"},
      {"metadata with a number", file_of(R"({"__metadata__":{"a":1}})", 0), "__metadata__ is {\"a\":1}, expected an object of texts"},
  };
  const TemporaryFolder folder;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto path = folder.write("hostile.safetensors", c.bytes);
    expect_error(ErrorKind::invalid_file, c.fragment, [&] { SafetensorsFile::open(path); });
    expect_error(ErrorKind::invalid_file, "hostile.safetensors: ", [&] { SafetensorsFile::open(path); });
  }
}

TEST(Safetensors, WritingRefusesWhatTheFormatCannotHold) {
  const TemporaryFolder folder;
  const Tensor tensor = Tensor::zeros(DType::float32, {1});
  const auto write = [&](const std::string& name, const SafetensorsMetadata& metadata) {
    write_safetensors(folder.path() / "x", {{name, tensor}}, metadata);
  };
  expect_error(ErrorKind::invalid_argument, "'__metadata__'", [&] { write("__metadata__", {}); });
  expect_error(ErrorKind::invalid_argument, "not UTF-8", [&] { write("\xff", {}); });
  expect_error(ErrorKind::invalid_argument, "not UTF-8", [&] { write("a", {{"k", "\xff"}}); });
  expect_error(ErrorKind::not_found, "none/x: no such", [&] { write_safetensors(folder.path() / "none" / "x", {}); });
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace accelerate

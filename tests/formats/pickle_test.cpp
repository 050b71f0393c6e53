#include "formats/pickle.h"

#include <gtest/gtest.h>

#include "formats/torch_pickle.h"
#include "formats/zip_bytes.h"
#include "ipfs_accelerate/error.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

using namespace std::string_literals;
using Kind = PickleValue::Kind;

Pickle read(const std::string& bytes) { return read_pickle(std::as_bytes(std::span(bytes)), "x.bin", torch_pickle_rules); }

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

/// `value` as the right side of a state dict's only item.
std::string dictionary_of(const std::string& value) { return "}X\x01\0\0\0w"s + value + "s."; }

/// A tensor as PyTorch pickles it, with its parts as given.
std::string tensor(const std::string& storage, const std::string& offset, const std::string& shape, const std::string& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + offset + shape + strides + "\x89}tR";
}

const std::string storage = "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"s + "0X\x03\0\0\0cpuK\x06tQ"s;

TEST(Pickle, BuildsPlainValues) {
  const struct {
    std::string bytes;
    Kind kind;
    std::int64_t integer;
    std::string text;
  } cases[] = {
      {"\x80\x02N.", Kind::none, 0, ""},
      {"\x88.", Kind::boolean, 1, ""},
      {"\x89.", Kind::boolean, 0, ""},
      {"K\xff.", Kind::integer, 255, ""},
      {"M\x01\x02.", Kind::integer, 513, ""},
      {"J\xff\xff\xff\xff.", Kind::integer, -1, ""},
      {"\x8a\0."s, Kind::integer, 0, ""},
      {"\x8a\x01\x80.", Kind::integer, -128, ""},
      {"\x8a\x05\0\0\0\0\x01."s, Kind::integer, std::int64_t{1} << 32, ""},
      {"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\xff.", Kind::integer, -1, ""},
      {"G\x3f\xf8\0\0\0\0\0\0."s, Kind::number, 0, ""},
      {"X\x02\0\0\0hi."s, Kind::text, 0, "hi"},
      {"\x80\x04\x95\x05\0\0\0\0\0\0\0\x8c\x02hi\x94."s, Kind::text, 0, "hi"},
      {"U\x02hi.", Kind::text, 0, "hi"},
      {"].", Kind::list, 0, ""},
      {"(K\x01K\x02t.", Kind::tuple, 0, ""},
      {"(K\x01K\x02"
       "d.",
       Kind::dictionary, 0, ""},
      {"}q\x01K\x01K\x02s0h\x01.", Kind::dictionary, 0, ""},
      {"K\x01K\x02"
       "0.",
       Kind::integer, 1, ""},
      {"K\x01(K\x02"
       "1.",
       Kind::integer, 1, ""},
      {"K\x01"
       "2\x86.",
       Kind::tuple, 0, ""},
      {"ccollections\nOrderedDict\n)R.", Kind::dictionary, 0, ""},
      {"\x8c\x0b"
       "collections\x8c\x0bOrderedDict\x93)R.",
       Kind::dictionary, 0, ""},
      {"ctorch\nfloat32\n.", Kind::global, 0, "torch.float32"},
  };
  for (const auto& expected : cases) {
    SCOPED_TRACE(testing::PrintToString(expected.bytes));
    const Pickle pickle = read(expected.bytes + "more");
    EXPECT_EQ(pickle.byte_size, expected.bytes.size());
    EXPECT_EQ(pickle[pickle.root].kind, expected.kind);
    EXPECT_EQ(pickle[pickle.root].integer, expected.integer);
    EXPECT_EQ(pickle[pickle.root].text, expected.text);
  }
  const Pickle number = read("G\x3f\xf8\0\0\0\0\0\0."s);
  EXPECT_EQ(number[number.root].number, 1.5);
}

TEST(Pickle, ReadsTheDictionariesOfPython2) {
  const Pickle pickle = read(
      "ccollections\nOrderedDict\n](](U\x01xK\x01"
      "e](U\x01yK\x02"
      "ee\x85R.");
  const PickleValue& dictionary = pickle[pickle.root];
  ASSERT_EQ(dictionary.items.size(), 4U);
  EXPECT_EQ(pickle[dictionary.items[0]].text, "x");
  EXPECT_EQ(pickle[dictionary.items[3]].integer, 2);
}

TEST(Pickle, WhatIsNoTensorIsRefusedByName) {
  const struct {
    std::string bytes;
    const char* name;
  } cases[] = {
      {"cos\nsystem\n(X\x02\0\0\0idtR."s, "'os.system'"},
      {"cposix\nsystem\n.", "'posix.system'"},
      {"c__builtin__\neval\n.", "'__builtin__.eval'"},
      {"cbuiltins\nexec\n.", "'builtins.exec'"},
      {"\x8c\x02os\x8c\x06system\x93.", "'os.system'"},
      {"\x8c\x02os\x94\x8c\x06system\x94h\0h\x01\x93."s, "'os.system'"},
      {"(ios\nsystem\n.", "'os.system'"},
      {"(X\x02\0\0\0idios\nsystem\n."s, "'os.system'"},
      {"ctorch\nload\n.", "'torch.load'"},
      {"ctorch.storage\n_load_from_bytes\n.", "'torch.storage._load_from_bytes'"},
      {"ctorch._utils\n_rebuild_tensor_v2.__globals__\n.", "'torch._utils._rebuild_tensor_v2.__globals__'"},
      {"ctorch._utils\n_rebuild_device_tensor_from_numpy\n.", "'torch._utils._rebuild_device_tensor_from_numpy'"},
      {"ctorch\nFloatStorage.from_file\n.", "'torch.FloatStorage.from_file'"},
      {"ctorch\nStorage\n.", "'torch.Storage'"},
      {"ctorch\n\n.", "'torch.'"},
      {"ctorch.storage\n\n.", "'torch.storage.'"},
      {"c\n\n.", "'.'"},
      {"ccollections\nOrderedDict.fromkeys\n.", "'collections.OrderedDict.fromkeys'"},
      {"ccopyreg\n_reconstructor\n.", "'copyreg._reconstructor'"},
      {"cnumpy.core.multiarray\n_reconstruct\n.", "'numpy.core.multiarray._reconstruct'"},
      {"cos\nsys\x01\ntem\n.", "'os.sys\\u0001'"},
  };
  for (const auto& wrong : cases) {
    SCOPED_TRACE(testing::PrintToString(wrong.bytes));
    const std::string fragment = "asks for "s + wrong.name + ", which is not a tensor";
    expect_error(ErrorKind::invalid_file, "x.bin: pickle: byte ", [&] { read(wrong.bytes); });
    expect_error(ErrorKind::invalid_file, fragment, [&] { read(wrong.bytes); });
  }
}

TEST(Pickle, WhatNoCheckpointNeedsIsRefused) {
  const std::string dictionary = "ccollections\nOrderedDict\n";
  const struct {
    std::string bytes;
    const char* fragment;
  } cases[] = {
      {"", "byte 0: expected the end mark '.' of 1 bytes, but 0 are left"},
      {".", "takes a value from an empty stack"},
      {"NN.", "ends with more than one value"},
      {"0.", "takes a value from an empty stack"},
      {"N(0.", "takes a value from an empty stack"},
      {"N(.", "takes a value from an empty stack"},
      {"t.", "expected a mark on the stack"},
      {"\x86.", "takes a value from an empty stack"},
      {"N\x86.", "takes a value from an empty stack"},
      {"(Nd.", "a dictionary's last key has no value"},
      {"}(Nu.", "a dictionary's last key has no value"},
      {"NNa.", "adds to what is no list"},
      {"]NNs.", "sets an item of what is no dictionary"},
      {"\x80\x06.", "is of protocol 6, expected at most 5"},
      {"h\x01.", "nothing was noted under 1"},
      {"j\xff\xff\xff\xff.", "nothing was noted under 4294967295"},
      {"q\x01.", "takes a value from an empty stack"},
      {"I1\n.", "operation 0x49 is none that a checkpoint needs"},
      {"S'a'\n.", "operation 0x53"},
      {"(cos\n", "expected a name in a module and the end of its line"},
      {"(o.", "operation 0x6f"},
      {"\x82\x01.", "operation 0x82"},
      {"\x8f.", "operation 0x8f"},
      {"\x97.", "operation 0x97"},
      {dictionary + ")\x81.", "operation 0x81"},
      {"P1\n.", "operation 0x50"},
      {"\x8a\x09"
       "123456789.",
       "a whole number of 9 bytes, expected at most 8"},
      {"X\xff\xff\xff\xff.", "a text of 4294967295 bytes, expected at most 65536"},
      {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "a text of 18446744073709551615 bytes"},
      {"X\x10\0\0\0hi."s, "expected text of 16 bytes, but 3 are left"},
      {"NNR.", "calls with arguments that are no tuple"},
      {"N)R.", "calls what is no function"},
      {"ctorch\nfloat32\n)R.", "calls 'torch.float32', which no checkpoint needs"},
      {"ctorch\nFloatStorage\n)R.", "calls 'torch.FloatStorage', which no checkpoint needs"},
      {"ctorch._utils\n_rebuild_tensor_v2\n)R)R.", "calls what is no function"},
      {dictionary + "N\x85R.", "makes a dictionary of what is no list of pairs"},
      {dictionary + "]Na\x85R.", "makes a dictionary of what is no list of pairs"},
      {"NK\x01\x93.", "a name that is no text"},
      {"N}b.", "sets the state of what is no dictionary"},
      {"ctorch\nfloat32\n}b.", "sets the state of what is no dictionary"},
      {"ctorch._utils\n_rebuild_tensor_v2\n)R}b.", "sets the state of what is no dictionary"},
      {repeated("(", 100), "more than 64 open marks"},
      {repeated("]", 100'000) + repeated("a", 99'999) + ".", "nested deeper than 64 levels"},
      {"N"s + repeated("\x85", 100) + ".", "nested deeper than 64 levels"},
      {repeated("N0", 4'000'001) + "N.", "more than 4000000 values"},
      {"(Nq\x01"s + repeated("h\x01", 16'000'001) + "t.", "more than 16000000 items"},
  };
  for (const auto& wrong : cases) {
    SCOPED_TRACE(testing::PrintToString(wrong.bytes.substr(0, 60)));
    expect_error(ErrorKind::invalid_file, wrong.fragment, [&] { read(wrong.bytes); });
  }
}

TEST(Pickle, AMemoBombStaysSmall) {
  // Each tuple holds the one before it twice: written out, the last would have 2^60 leaves.
  std::string bytes = "N";
  for (int i = 0; i < 60; ++i) bytes += "2\x86";
  const Pickle pickle = read(bytes + ".");
  EXPECT_EQ(pickle.values.size(), 61U);
  expect_error(ErrorKind::invalid_file, "holds no dictionary", [&] { read_state_dict(pickle, "x.bin"); });
}

TEST(Pickle, ValuesMayReferToThemselves) {
  const Pickle pickle = read("}q\x01X\x01\0\0\0ah\x01s."s);
  expect_error(ErrorKind::invalid_file, "its dictionary holds no tensors", [&] { read_state_dict(pickle, "x.bin"); });
}

TEST(StateDict, GivesItsTensors) {
  const std::string bytes = dictionary_of(tensor(storage, "K\x01", "K\x02K\x01\x86", "K\x03K\x01\x86"));
  const Pickle pickle = read(bytes);
  const std::vector<TorchTensor> tensors = read_state_dict(pickle, "x.bin");
  ASSERT_EQ(tensors.size(), 1U);
  EXPECT_EQ(tensors[0].name, "w");
  EXPECT_EQ(tensors[0].type->name, "F32");
  EXPECT_EQ(tensors[0].storage.key, "0");
  EXPECT_EQ(tensors[0].storage.elements, 6);
  EXPECT_EQ(tensors[0].offset, 1);
  EXPECT_EQ(tensors[0].shape, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(tensors[0].strides, (std::vector<std::int64_t>{3, 1}));
  for (std::size_t length = 0; length < bytes.size(); ++length)
    expect_error(ErrorKind::invalid_file, "x.bin: pickle: byte ", [&] { read(bytes.substr(0, length)); });
}

TEST(StateDict, WhatIsWrongWithATensorIsNamed) {
  const std::string pair = "K\x01K\x01\x86";
  const std::string negative = "J\xff\xff\xff\xff";
  const struct {
    std::string value;
    const char* fragment;
  } cases[] = {
      {"ctorch._utils\n_rebuild_parameter\n)R", "tensor 'w' is a parameter of nothing"},
      {"ctorch._utils\n_rebuild_tensor_v2\n)R", "tensor 'w' lacks arguments"},
      {"ctorch._utils\n_rebuild_tensor_v3\n(NNNNNNtR", "tensor 'w' lacks arguments"},
      {tensor("N", "K\0"s, pair, pair), "is not of a storage"},
      {tensor("K\x01Q", "K\0"s, pair, pair), "a storage that is not ('storage', type, key, place, elements)"},
      {tensor("(X\x07\0\0\0storageNX\x01\0\0\0"s + "0NK\x01tQ", "K\0"s, pair, pair), "a storage without a type"},
      {tensor("(X\x07\0\0\0storagectorch\nfloat32\nX\x01\0\0\0"s + "0NK\x01tQ", "K\0"s, pair, pair), "a storage without a type"},
      {tensor("(X\x07\0\0\0storagectorch\nFloatStorage\nNNK\x01tQ"s, "K\0"s, pair, pair), "a storage whose key is no text"},
      {tensor("(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"s + "0N" + negative + "tQ", "K\0"s, pair, pair),
       "has a number of elements in its storage that is no whole number"},
      {tensor("(X\x07\0\0\0storagectorch\nUntypedStorage\nX\x01\0\0\0"s + "0NK\x01tQ", "K\0"s, pair, pair), "has no element type"},
      {tensor(storage, negative, pair, pair), "has an offset that is no whole number"},
      {tensor(storage, "N", pair, pair), "has an offset that is no whole number"},
      {tensor(storage, "K\0"s, "N", pair), "has sizes that are no tuple"},
      {tensor(storage, "K\0"s, negative + "\x85", "K\x01\x85"), "has a size that is no whole number"},
      {tensor(storage, "K\0"s, pair, negative + negative + "\x86"), "has a stride that is no whole number"},
      {tensor(storage, "K\0"s, pair, "K\x01\x85"), "has 2 sizes and 1 strides"},
      {tensor(storage, "K\0"s, "("s + repeated("K\x01", 17) + "t", pair), "no tuple of at most 16"},
      {"K\x01", "its dictionary holds no tensors"},
  };
  for (const auto& wrong : cases) {
    SCOPED_TRACE(wrong.fragment);
    const Pickle pickle = read(dictionary_of(wrong.value));
    expect_error(ErrorKind::invalid_file, wrong.fragment, [&] { read_state_dict(pickle, "x.bin"); });
  }
}

}  // namespace
}  // namespace accelerate

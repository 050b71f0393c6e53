#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/half.h"
#include "formats/checkpoint.h"
#include "formats/gguf/architecture.h"
#include "formats/gguf/layout.h"
#include "formats/gguf/model.h"
#include "formats/gguf_bytes.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t f32 = 0;
constexpr std::uint32_t q8_0 = 8;

fs::path fixtures() { return fs::path(ACCELERATE_TEST_DATA) / "formats/fixtures/gguf"; }

/// A LLaMA of two heads and no layers, to be changed.
GgufFile small_file() {
  GgufFile file;
  file.text("general.architecture", "llama")
      .integer("llama.context_length", 16)
      .integer("llama.embedding_length", 8)
      .integer("llama.block_count", 1)
      .integer("llama.feed_forward_length", 8)
      .integer("llama.attention.head_count", 2)
      .number("llama.attention.layer_norm_rms_epsilon", 1e-5F)
      .tensor("token_embd.weight", {8, 4}, f32, 0);
  file.data_bytes = 128;
  return file;
}

gguf::Header header_of(const std::string& bytes) { return gguf::parse_header(std::as_bytes(std::span(bytes)), "m.gguf"); }

Config config_of(const std::string& bytes) { return gguf::config_of(header_of(bytes), std::as_bytes(std::span(bytes))); }

/// The file without the pair that begins with the key, and with another instead.
GgufFile with_pair(std::string_view key, const std::function<void(GgufFile&)>& add) {
  GgufFile file = small_file();
  std::erase_if(file.pairs, [&](const std::string& pair) { return pair.substr(8, key.size()) == key; });
  add(file);
  return file;
}

TEST(GgufBlocks, AreTheNumbersThatGgufGives) {
  const gguf::File file = gguf::File::open(fixtures() / "blocks.gguf");
  int compared = 0;
  for (const auto& [name, info] : file.header.tensors) {
    const auto numbers = file.header.tensors.find(name + ".numbers");
    if (numbers == file.header.tensors.end()) continue;
    SCOPED_TRACE(name);
    EXPECT_EQ(name, info.type->name);
    const std::int64_t count = info.shape[0] * info.shape[1];
    std::vector<float> wanted(static_cast<std::size_t>(count));
    std::vector<float> got(wanted.size());
    const std::byte* bytes = file.mapping->bytes().data();
    std::memcpy(wanted.data(), bytes + numbers->second.offset, wanted.size() * sizeof(float));
    gguf::decode(*info.type, bytes + info.offset, count / info.type->elements, got.data());
    EXPECT_EQ(got, wanted);
    ++compared;

    // Matrices of quantised types are codes as well, whose numbers are the same.
    const TensorEntry entry = gguf::entry_of(info, gguf::Layout::same, {.queries = 1, .keys = 1});
    ASSERT_EQ(static_cast<bool>(entry.codes), info.type->is_quantised());
    if (!entry.codes) continue;
    const QuantisedWeight weight = entry.codes(file.mapping->bytes().subspan(info.offset, info.byte_size));
    const std::int64_t columns = info.shape[1];
    ASSERT_EQ(weight.options.columns, columns);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::byte* stored = weight.codes.bytes().data() + (weight.options.bits == 4 ? i / 2 : i);
      int code = weight.codes.dtype() == DType::int8 ? static_cast<std::int8_t>(*stored) : std::to_integer<int>(*stored);
      if (weight.options.bits == 4) code = i % 2 == 0 ? code & 15 : code >> 4;
      const auto group = static_cast<std::size_t>(i / columns * weight.scales.dim(1) + i % columns / weight.options.group_size);
      const float offset = weight.offsets ? weight.offsets->values<float>()[group] : 0.0F;
      const float scaled = weight.scales.values<float>()[group] * static_cast<float>(code - weight.options.zero);
      ASSERT_EQ(scaled + offset, wanted[static_cast<std::size_t>(i)]) << i;
    }
  }
  EXPECT_EQ(compared, 11);
}

TEST(GgufHeader, TellsWhatTheFileHas) {
  GgufFile file = small_file();
  file.texts("names", {"a", "bé"}).numbers<float>("scores", {0.5F, -1}).numbers<std::int32_t>("kinds", {1, 3});
  const gguf::Header header = header_of(file.bytes());
  EXPECT_EQ(header.metadata.text("general.architecture"), "llama");
  EXPECT_EQ(header.metadata.integer("llama.context_length"), 16);
  EXPECT_EQ(header.metadata.texts("names"), (std::vector<std::string_view>{"a", "bé"}));
  EXPECT_EQ(header.metadata.numbers("scores"), (std::vector<float>{0.5F, -1}));
  EXPECT_EQ(header.metadata.integers("kinds"), (std::vector<std::int64_t>{1, 3}));
  EXPECT_FALSE(header.metadata.find_text("absent").has_value());
  const gguf::TensorInfo& words = header.tensors.at("token_embd.weight");
  EXPECT_EQ(words.shape, (std::vector<std::int64_t>{4, 8}));
  EXPECT_EQ(words.byte_size, 128U);
  EXPECT_EQ(words.offset + words.byte_size, file.bytes().size());
}

TEST(GgufHeader, RefusesWhatIsBroken) {
  struct Row {
    std::string bytes;
    ErrorKind kind;
    std::string message;
  };
  constexpr auto invalid = ErrorKind::invalid_file;
  const auto changed = [](const std::function<void(GgufFile&)>& change) {
    GgufFile file = small_file();
    change(file);
    return file.bytes();
  };
  const auto tensor = [&](const std::vector<std::uint64_t>& axes, std::uint32_t type, std::uint64_t offset) {
    return changed([&](GgufFile& file) { file.tensor("x", axes, type, offset); });
  };
  const std::string whole = small_file().bytes();
  const auto cut = [&](std::size_t bytes) { return whole.substr(0, bytes); };
  const auto put = [&](std::size_t place, std::uint64_t number) {
    std::string bytes = whole;
    std::memcpy(bytes.data() + place, &number, sizeof(number));
    return bytes;
  };
  for (const Row& row : {
           Row{"GGU", invalid, "m.gguf: does not begin with the letters GGUF"},
           {changed([](GgufFile& file) { file.magic = "GGML"; }), invalid, "m.gguf: does not begin with the letters GGUF"},
           {changed([](GgufFile& file) { file.version = 1; }), ErrorKind::unsupported, "m.gguf: is of version 1, expected 2 or 3"},
           {changed([](GgufFile& file) { file.version = 3U << 24U; }), ErrorKind::unsupported, "m.gguf: is in big-endian order"},
           {cut(20), invalid, "m.gguf: "},
           {cut(whole.size() - 100), invalid, "tensor 'token_embd.weight': 128 bytes from byte 0 of the data lie outside of the 28"},
           {cut(60), invalid, "m.gguf: "},
           {put(8, std::uint64_t{1} << 62U), invalid, "m.gguf: has 4611686018427387904 tensors, for which the file is too short"},
           {put(16, std::uint64_t{1} << 62U), invalid, "m.gguf: has 4611686018427387904 metadata values, for which the file is too short"},
           {changed([](GgufFile& file) { file.integer("llama.block_count", 2); }), invalid, "m.gguf: 'llama.block_count' is there twice"},
           {changed([](GgufFile& file) { file.pairs.push_back(GgufBytes().text("k").number<std::uint32_t>(13).bytes()); }), invalid,
            "'k' is of type 13, expected one from 0 to 12"},
           {changed([](GgufFile& file) {
              file.pairs.push_back(GgufBytes().text("k").number<std::uint32_t>(7).number<std::uint8_t>(2).bytes());
            }),
            invalid, "'k' is 2, expected 0 or 1 for a boolean"},
           {changed([](GgufFile& file) {
              file.pairs.push_back(
                  GgufBytes().text("k").number<std::uint32_t>(9).number<std::uint32_t>(6).number(std::uint64_t{1} << 60U).bytes());
            }),
            invalid, "'k' has 1152921504606846976 elements, for which the file is too short"},
           {changed([](GgufFile& file) { file.integer("general.alignment", 48); }), invalid,
            "'general.alignment' is 48, expected a power of two"},
           {changed([](GgufFile& file) { file.integer("general.alignment", 4); }), invalid, "'general.alignment' is 4, expected"},
           {changed([](GgufFile& file) { file.tensors.push_back(file.tensors.front()); }), invalid,
            "tensor 'token_embd.weight' is there twice"},
           {tensor({1, 1, 1, 1, 1}, f32, 0), invalid, "tensor 'x': has 5 axes, expected at most 4"},
           {tensor({0}, f32, 0), invalid, "tensor 'x': size 0 of axis 0, expected at least 1"},
           {tensor({1ULL << 40U, 1ULL << 40U}, f32, 0), invalid, "tensor 'x': size 1099511627776 of axis 1"},
           {tensor({8}, 99, 0), invalid, "tensor 'x': type 99 is none of GGUF's"},
           {tensor({8}, q8_0, 0), invalid, "tensor 'x': rows of 8 numbers, expected a multiple of 32 for Q8_0"},
           {tensor({8}, f32, 8), invalid, "tensor 'x': begins at byte 8 of the data, expected a multiple of 32"},
           {tensor({8}, f32, 128), invalid, "tensor 'x': 32 bytes from byte 128 of the data lie outside of the 128 that the file has"},
           {tensor({8}, f32, 64), invalid, "tensor 'x': begins before 'token_embd.weight' ends"},
       })
    expect_error(row.kind, row.message, [&] { header_of(row.bytes); });
}

TEST(GgufConfig, IsWhatTransformersWouldHave) {
  const Config config = config_of(small_file().integer("llama.attention.head_count_kv", 1).number("llama.rope.freq_base", 500).bytes());
  EXPECT_EQ(config.model_type(), "llama");
  EXPECT_EQ(config.architectures(), std::vector<std::string>{"LlamaForCausalLM"});
  EXPECT_EQ(config.integer("hidden_size"), 8);
  EXPECT_EQ(config.integer("vocab_size"), 4);
  EXPECT_EQ(config.integer("num_key_value_heads"), 1);
  EXPECT_EQ(config.integer("head_dim"), 4);
  EXPECT_EQ(config.number("rope_theta"), 500);
  EXPECT_TRUE(config.boolean_or("tie_word_embeddings", false));
  EXPECT_FALSE(config.has("rope_scaling"));
  const Config linear = config_of(small_file().number("llama.rope.scaling.factor", 4).bytes()).object("rope_scaling");
  EXPECT_EQ(linear.text("rope_type"), "linear");
  EXPECT_EQ(linear.number("factor"), 4);
}

TEST(GgufConfig, RefusesWhatDoesNotRun) {
  struct Row {
    std::string bytes;
    ErrorKind kind;
    std::string message;
  };
  constexpr auto invalid = ErrorKind::invalid_file;
  constexpr auto unsupported = ErrorKind::unsupported;
  const auto integer = [](const char* key, std::uint32_t value) {
    return with_pair(key, [&](GgufFile& file) { file.integer(key, value); }).bytes();
  };
  const auto text = [](const char* key, const char* value) {
    return with_pair(key, [&](GgufFile& file) { file.text(key, value); }).bytes();
  };
  for (
      const Row& row : {
          Row{text("general.architecture", "falcon"), unsupported,
              R"(m.gguf: 'general.architecture' is 'falcon', expected one of llama, qwen2, qwen3, gpt2, gptneox, bloom, phi3, gemma2, gemma3)"},
          {with_pair("general.architecture", [](GgufFile&) {}).bytes(), invalid,
           "'general.architecture' is missing, expected a text in UTF-8"},
          {integer("llama.expert_count", 8), unsupported, "'llama.expert_count' is 8, expected 0: mixtures of experts are not supported"},
          {integer("llama.attention.head_count", 3), invalid, "'llama.attention.head_count' is 3, expected a divisor"},
          {integer("llama.attention.head_count", 0), invalid, "'llama.attention.head_count' is 0, expected a whole number of at least 1"},
          {text("llama.embedding_length", "8"), invalid, "'llama.embedding_length' is '8', expected a whole number of at least 1"},
          {with_pair("llama.block_count", [](GgufFile&) {}).bytes(), invalid, "'llama.block_count' is missing, expected a whole number"},
          {with_pair("llama.attention.layer_norm_rms_epsilon",
                     [](GgufFile& file) { file.number("llama.attention.layer_norm_rms_epsilon", std::nanf("")); })
               .bytes(),
           invalid, "'llama.attention.layer_norm_rms_epsilon' is nan, expected a number from 0 to 1"},
          {text("llama.rope.scaling.type", "spiral"), unsupported,
           "'llama.rope.scaling.type' is 'spiral', expected none, linear, yarn or longrope"},
          {integer("llama.rope.dimension_count", 2), unsupported, "'llama.rope.dimension_count' is 2, expected 4, a head's size"},
      })
    expect_error(row.kind, row.message, [&] { config_of(row.bytes); });
  GgufFile without_words = small_file();
  without_words.tensors.clear();
  expect_error(invalid, "tensor 'token_embd.weight': expected a matrix of that name", [&] { config_of(without_words.bytes()); });
}

TEST(GgufTensors, StandUnderTransformersNames) {
  Checkpoint checkpoint(fixtures() / "models/llama_q4_0.gguf");
  EXPECT_TRUE(checkpoint.contains("model.layers.1.self_attn.q_proj.weight"));
  EXPECT_TRUE(checkpoint.contains("lm_head.weight"));
  const QuantisedWeight* weight = checkpoint.find_quantised("model.layers.0.mlp.up_proj.weight", {});
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->options.bits, 4);
  EXPECT_EQ(weight->codes.byte_size(), 32U * 32U / 2U);  // half a byte a number, and no floats
  EXPECT_EQ(weight, checkpoint.find_quantised("model.layers.0.mlp.up_proj.weight", {}));
  EXPECT_EQ(checkpoint.find_quantised("model.norm.weight", {}), nullptr);
  EXPECT_EQ(checkpoint.entry("model.layers.0.mlp.up_proj.weight")->type, "Q4_0");
  EXPECT_LT(checkpoint.byte_size(), fs::file_size(fixtures() / "models/llama_q4_0.gguf"));
}

TEST(GgufTensors, OfShapesThatHeadsDoNotDivideAreRefused) {
  const TemporaryFolder folder;
  GgufFile file = small_file().tensor("blk.0.attn_q.weight", {8, 6}, f32, 128);
  file.data_bytes = 320;
  const fs::path path = folder.write("m.gguf", file.bytes());
  expect_error(ErrorKind::invalid_file, "m.gguf: tensor 'blk.0.attn_q.weight': has 6 rows, expected a multiple of 4",
               [&] { Checkpoint checkpoint(path); });
  expect_error(ErrorKind::unsupported, "dtype Q2_K cannot be read", [&] {
    GgufFile unread = small_file().tensor("blk.0.ffn_up.weight", {256, 1}, 10, 128);
    unread.data_bytes = 256;
    Checkpoint(folder.write("q2.gguf", unread.bytes())).find("model.layers.0.mlp.up_proj.weight");
  });
}

TEST(GgufFiles, InPartsAreOneModel) {
  const TemporaryFolder folder;
  const auto part = [](int number, int count) {
    GgufFile file;
    if (number == 0) file = small_file();
    if (number > 0) file.tensor("blk.0.ffn_up.weight", {8, 8}, f32, 0).data_bytes = 256;
    return file.integer("split.no", static_cast<std::uint32_t>(number)).integer("split.count", static_cast<std::uint32_t>(count)).bytes();
  };
  const fs::path first = folder.write("m-00001-of-00002.gguf", part(0, 2));
  expect_error(ErrorKind::not_found, "m-00002-of-00002.gguf", [&] { Checkpoint checkpoint(first); });
  const fs::path second = folder.write("m-00002-of-00002.gguf", part(1, 2));
  Checkpoint checkpoint(first);
  EXPECT_TRUE(checkpoint.contains("model.embed_tokens.weight"));
  EXPECT_TRUE(checkpoint.contains("model.layers.0.mlp.up_proj.weight"));
  EXPECT_EQ(gguf::gguf_file_in(folder.path()), first);
  expect_error(ErrorKind::invalid_argument, "is one of 2 parts, expected the first", [&] { gguf::open_tensors(second); });
  expect_error(ErrorKind::invalid_argument, "is one of 2 parts, expected the first, NAME-00001-of-00002.gguf",
               [&] { Checkpoint renamed(folder.write("other.gguf", part(0, 2))); });
  expect_error(ErrorKind::invalid_argument, "has several models, expected the path of one of m-00001-of-00002.gguf, other.gguf",
               [&] { gguf::gguf_file_in(folder.path()); });
}

TEST(GgufGenerationConfig, NamesEveryTokenThatEndsATurn) {
  GgufFile file;
  file.integer("tokenizer.ggml.bos_token_id", 0)
      .integer("tokenizer.ggml.eos_token_id", 1)
      .texts("tokenizer.ggml.tokens", {"<s>", "</s>", "<|im_end|>", "<|end|>"})
      .numbers<std::int32_t>("tokenizer.ggml.token_type", {3, 3, 3, 1});
  EXPECT_EQ(gguf::generation_config_json(header_of(file.bytes()).metadata), R"({"bos_token_id":0,"eos_token_id":[1,2]})");
}

}  // namespace
}  // namespace accelerate

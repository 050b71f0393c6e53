#include "processing/text_file.h"

#include <gtest/gtest.h>

#include "processing/fixtures.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

using Ids = std::vector<std::int64_t>;

Ids values_of(const Tensor& tensor) {
  const auto values = tensor.values<std::int64_t>();
  return {values.begin(), values.end()};
}

Ids shape_of(const Tensor& tensor) { return {tensor.shape().begin(), tensor.shape().end()}; }

TEST(TextFile, TakesOneTextALine) {
  const Tokenizer tokenizer = Tokenizer::load(fixture_folder("wordpiece"));
  const struct {
    std::string_view text;
    std::vector<std::string_view> lines;
  } cases[] = {
      {"a", {"a"}},
      {"a\n", {"a"}},
      {"\n", {""}},
      {"\n\na", {"", "", "a"}},
      {"a\n\n", {"a", ""}},
      {"a\r\nb", {"a\r", "b"}},
      {"a\u2028b", {"a\u2028b"}},
      {"the\vcat\nsat", {"the\vcat", "sat"}},
  };
  const TemporaryFolder folder;
  for (const auto& expected : cases) {
    SCOPED_TRACE(expected.text);
    const TensorMap got = process_text_file(tokenizer, folder.write("texts.txt", expected.text));
    std::vector<TextInput> inputs;
    for (const std::string_view line : expected.lines) inputs.push_back({.text = line});
    const Encodings encodings = tokenizer.encode(inputs);
    const Tensor& ids = got.at("input_ids");
    ASSERT_EQ(shape_of(ids), (Ids{encodings.inputs(), encodings.longest()}));
    for (std::size_t row = 0; row < inputs.size(); ++row) {
      for (std::int64_t column = 0; column < ids.dim(1); ++column) {
        const std::int64_t token = encodings.begins[row] + column;
        const bool is_text = token < encodings.begins[row + 1];
        const std::size_t cell = row * static_cast<std::size_t>(ids.dim(1)) + static_cast<std::size_t>(column);
        EXPECT_EQ(ids.values<std::int64_t>()[cell], is_text ? encodings.ids[static_cast<std::size_t>(token)] : 0);
        EXPECT_EQ(got.at("attention_mask").values<std::int64_t>()[cell], is_text ? 1 : 0);
      }
    }
  }
}

TEST(TextFile, PadsAsTheTokenizerConfigSays) {
  const TemporaryFolder folder;
  const auto file = folder.write("texts.txt", "a\n\n");
  const Tokenizer right = Tokenizer::load(fixture_folder("wordpiece"));
  const std::int64_t a = right.id_of("a").value();
  const TensorMap padded_right = process_text_file(right, file);
  EXPECT_EQ(padded_right.size(), 3U);
  EXPECT_EQ(values_of(padded_right.at("input_ids")), (Ids{2, a, 3, 2, 3, 0}));
  EXPECT_EQ(values_of(padded_right.at("attention_mask")), (Ids{1, 1, 1, 1, 1, 0}));
  EXPECT_EQ(values_of(padded_right.at("token_type_ids")), (Ids{0, 0, 0, 0, 0, 0}));

  const Tokenizer left = Tokenizer::load(fixture_folder("byte_bpe"));
  const std::int64_t byte_a = left.id_of("a").value();
  const TensorMap padded_left = process_text_file(left, file);
  EXPECT_EQ(padded_left.size(), 2U);
  EXPECT_EQ(values_of(padded_left.at("input_ids")), (Ids{0, byte_a, 2, 1, 0, 2}));
  EXPECT_EQ(values_of(padded_left.at("attention_mask")), (Ids{1, 1, 1, 0, 1, 1}));
}

TEST(TextFile, RefusesFilesWithoutTexts) {
  const Tokenizer tokenizer = Tokenizer::load(fixture_folder("wordpiece"));
  const TemporaryFolder folder;
  expect_error(ErrorKind::not_found, "absent.txt", [&] { process_text_file(tokenizer, folder.path() / "absent.txt"); });
  const auto empty = folder.write("empty.txt", "");
  expect_error(ErrorKind::invalid_argument, "empty.txt: the file is empty", [&] { process_text_file(tokenizer, empty); });
  const auto binary = folder.write("binary.txt", "fine\nb\xff\n");
  expect_error(ErrorKind::invalid_argument, "text 1: not UTF-8 at byte 1", [&] { process_text_file(tokenizer, binary); });
}

}  // namespace
}  // namespace accelerate

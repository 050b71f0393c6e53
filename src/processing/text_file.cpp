#include "processing/text_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "ipfs_accelerate/error.h"
#include "processing/text_batch.h"

namespace accelerate {
namespace {

constexpr std::size_t max_text_bytes = 1U << 30U;

std::vector<TextInput> lines_of(std::string_view text) {
  std::vector<TextInput> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back({.text = text.substr(0, end)});
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace

TensorMap process_text_file(const Tokenizer& tokenizer, const std::filesystem::path& path) {
  const std::string text = read_text_file(path, max_text_bytes);
  const std::vector<TextInput> lines = lines_of(text);
  if (lines.empty())
    throw Error(ErrorKind::invalid_argument, fmt::format("{}: the file is empty, expected one text a line", path.string()));

  const TokenizerConfig& config = tokenizer.config();
  return pad(tokenizer.encode(lines), {.pad_id = tokenizer.id_of(SpecialToken::pad).value_or(0),
                                       .side = config.padding_side,
                                       .token_type_ids = std::ranges::count(config.model_input_names, "token_type_ids") != 0});
}

}  // namespace accelerate

#include "formats/gguf/model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/json.h"
#include "formats/gguf/architecture.h"
#include "formats/gguf/layout.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::gguf {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view extension = ".gguf";
constexpr std::string_view part_mark = "-of-";
constexpr const char* parts_key = "split.count";
constexpr std::int64_t most_parts = 99999;

/// "name-00001-of-00003.gguf" with another part's number.
std::string part_name(std::string_view stem, std::int64_t part, std::int64_t parts) {
  return fmt::format("{}-{:05}{}{:05}{}", stem, part, part_mark, parts, extension);
}

/// "name" of "name-00001-of-00003.gguf", where `part` is what such a file says of itself; the empty text for other names.
std::string stem_of_parts(const fs::path& path, std::int64_t part, std::int64_t parts) {
  const std::string name = path.filename().string();
  const std::string end = part_name("", part, parts);
  return name.ends_with(end) ? name.substr(0, name.size() - end.size()) : std::string();
}

bool is_later_part(const fs::path& path) {
  const std::string name = path.stem().string();
  const std::size_t mark = name.rfind(part_mark);
  return mark != std::string::npos && mark >= 6 && name[mark - 6] == '-' && name.substr(mark - 5, 5) != "00001";
}

/// A tensor's name taken apart: "blk.3.attn_q.weight" is row "blk.{}.attn_q" of block 3, and ".weight".
struct ParsedName {
  std::string row;
  std::string block;
  std::string suffix;
};

ParsedName parsed(std::string_view name) {
  constexpr std::string_view blocks = "blk.";
  ParsedName result;
  if (const std::size_t dot = name.rfind('.'); dot != std::string_view::npos) {
    result.suffix = name.substr(dot);
    name = name.substr(0, dot);
  }
  const std::size_t end = name.starts_with(blocks) ? name.find('.', blocks.size()) : std::string_view::npos;
  if (end != std::string_view::npos) {
    result.block = name.substr(blocks.size(), end - blocks.size());
    result.row = fmt::format("{}{{}}{}", blocks, name.substr(end));
  } else {
    result.row = name;
  }
  return result;
}

std::string with_block(std::string_view pattern, std::string_view block) {
  std::string name(pattern);
  if (const std::size_t place = name.find("{}"); place != std::string::npos) name.replace(place, 2, block);
  return name;
}

// Texts of tokens that end a turn of a chat, in models whose files name only the one that ends a document.
constexpr auto ends_of_turns = std::to_array<std::string_view>(
    {"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>"});

}  // namespace

bool is_gguf_file(const fs::path& path) {
  std::error_code error;
  return path.extension() == extension && fs::is_regular_file(path, error);
}

std::vector<fs::path> gguf_files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (is_gguf_file(entry->path()) && !is_later_part(entry->path())) files.push_back(entry->path());
  std::ranges::sort(files);
  return files;
}

fs::path gguf_file_in(const fs::path& folder) {
  const std::vector<fs::path> files = gguf_files_in(folder);
  if (files.size() < 2) return files.empty() ? fs::path() : files.front();
  std::vector<std::string> names;
  for (const fs::path& file : files) names.push_back(file.filename().string());
  throw Error(ErrorKind::invalid_argument,
              fmt::format("{}: has several models, expected the path of one of {}", folder.string(), fmt::join(names, ", ")));
}

File File::open(const fs::path& path) {
  std::shared_ptr<const MappedFile> mapping = MappedFile::open(path);
  Header header = parse_header(mapping->bytes(), path.string());
  return {.mapping = std::move(mapping), .source = path.string(), .header = std::move(header)};
}

std::span<const std::byte> File::header_bytes() const {
  std::size_t end = mapping->bytes().size();
  for (const auto& [name, tensor] : header.tensors) end = std::min(end, tensor.offset);
  return mapping->bytes().first(end);
}

Config config_of(const Header& header, std::span<const std::byte> file) {
  const Architecture& architecture = architecture_of(header.metadata);
  Json config = architecture.config(Fields(header, file, architecture.name));
  config["model_type"] = architecture.model_type;
  config["architectures"] = {architecture.causal_lm};
  return Config::parse(config.dump(), header.metadata.source());
}

TensorEntries tensors_of(const Header& header, const Config& config, const Architecture& architecture, const std::string& source) {
  const Heads heads{.queries = config.integer("num_attention_heads"), .keys = config.integer("num_key_value_heads")};
  TensorEntries entries;
  for (const auto& [name, info] : header.tensors) {
    const ParsedName parts = parsed(name);
    const auto row = std::ranges::find(architecture.tensors, parts.row, &TensorName::name);
    const bool is_known = row != architecture.tensors.end();
    if (is_known && row->transformers.empty()) continue;
    const std::string known = is_known ? with_block(row->transformers, parts.block) + parts.suffix : name;
    TensorEntry entry;
    try {
      entry = entry_of(info, is_known ? row->layout : Layout::same, heads);
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("{}: tensor {}: {}", source, in_quotes(name), error.what()));
    }
    if (!entries.emplace(known, std::move(entry)).second)
      throw Error(ErrorKind::invalid_file, fmt::format("{}: tensor {}: another has the same place in the model", source, in_quotes(name)));
  }
  return entries;
}

TensorEntries tensors_of(const Header& header, const Config& config, const std::string& source) {
  return tensors_of(header, config, architecture_of(header.metadata), source);
}

std::vector<TensorFile> open_tensors(const fs::path& path) {
  const File first = File::open(path);
  const std::int64_t parts = first.header.metadata.find_integer(parts_key, {.minimum = 0, .maximum = most_parts}).value_or(0);
  std::vector<TensorFile> files;
  if (parts <= 1) {
    const Config config = config_of(first.header, first.mapping->bytes());
    files.emplace_back(first.mapping, first.source, tensors_of(first.header, config, first.source));
    return files;
  }
  const std::string stem = stem_of_parts(path, 1, parts);
  if (stem.empty())
    throw Error(ErrorKind::invalid_argument,
                fmt::format("{}: is one of {} parts, expected the first, {}", first.source, parts, part_name("NAME", 1, parts)));
  const Architecture& architecture = architecture_of(first.header.metadata);
  std::vector<File> all{first};
  for (std::int64_t part = 2; part <= parts; ++part) all.push_back(File::open(path.parent_path() / part_name(stem, part, parts)));
  // Whether the words are tied, and such, is seen in all parts together.
  Header whole = first.header;
  for (const File& file : all)
    for (const auto& [name, info] : file.header.tensors) whole.tensors.emplace(name, info);
  const Config config = config_of(whole, first.mapping->bytes());
  for (const File& file : all) files.emplace_back(file.mapping, file.source, tensors_of(file.header, config, architecture, file.source));
  return files;
}

std::string generation_config_json(const Metadata& metadata) {
  constexpr IntegerRange token{.minimum = 0};
  Json fields = Json::object();
  const auto id_of = [&](const char* key) { return metadata.find_integer(key, token); };
  if (const auto id = id_of("tokenizer.ggml.bos_token_id")) fields["bos_token_id"] = *id;
  if (const auto id = id_of("tokenizer.ggml.padding_token_id")) fields["pad_token_id"] = *id;
  std::vector<std::int64_t> ends;
  const auto add = [&](std::int64_t id) {
    if (std::ranges::find(ends, id) == ends.end()) ends.push_back(id);
  };
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"})
    if (const auto id = id_of(key)) add(*id);
  constexpr const char* types_key = "tokenizer.ggml.token_type";
  constexpr const char* tokens_key = "tokenizer.ggml.tokens";
  if (metadata.has(tokens_key) && metadata.has(types_key)) {
    const std::vector<std::string_view> tokens = metadata.texts(tokens_key);
    const std::vector<std::int64_t> types = metadata.integers(types_key);
    constexpr std::int64_t control = 3;
    for (std::size_t i = 0; i < std::min(tokens.size(), types.size()); ++i)
      if (types[i] == control && std::ranges::find(ends_of_turns, tokens[i]) != ends_of_turns.end()) add(static_cast<std::int64_t>(i));
  }
  if (!ends.empty()) fields["eos_token_id"] = ends;
  return fields.dump();
}

}  // namespace accelerate::gguf

#include "processing/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/arithmetic.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/thread_pool.h"
#include "formats/gguf/model.h"
#include "ipfs_accelerate/error.h"
#include "processing/gguf_tokenizer.h"
#include "processing/text_ffi/calls.h"
#include "processing/text_ffi/tokenizers_ffi.h"
#include "processing/vocabulary_tokenizer.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

// Below this many inputs a batch is tokenized sooner than other threads wake up.
constexpr std::int64_t least_parallel_inputs = 64;
constexpr std::int64_t inputs_of_a_share = 16;

constexpr const char* tokenizer_file = "tokenizer.json";

/// The id as the boundary takes it.
std::uint32_t checked_id(std::int64_t id, std::int64_t vocabulary_size) {
  if (id >= 0 && id <= std::numeric_limits<std::uint32_t>::max()) return static_cast<std::uint32_t>(id);
  throw Error(ErrorKind::invalid_argument, fmt::format("token id {} is not in the vocabulary of {} tokens", id, vocabulary_size));
}

/// The tokens as the boundary takes them: all, or those that a file of the model folder names.
std::string json_of(std::span<const AddedToken> tokens, bool with_assumed) {
  Json list = Json::array();
  for (const AddedToken& token : tokens) {
    if (token.source == TokenSource::assumed && !with_assumed) continue;
    list.push_back({{"content", token.content},
                    {"single_word", token.single_word},
                    {"lstrip", token.lstrip},
                    {"rstrip", token.rstrip},
                    {"normalized", token.normalized},
                    {"special", token.special}});
  }
  return list.dump();
}

/// What the boundary gave for some inputs, freed when it goes.
class ForeignEncodings {
 public:
  ForeignEncodings() = default;
  ~ForeignEncodings() { tokenizers_ffi_free_encodings(&value_); }
  ForeignEncodings(const ForeignEncodings&) = delete;
  ForeignEncodings& operator=(const ForeignEncodings&) = delete;

  tokenizers_ffi_encodings* operator&() { return &value_; }
  const tokenizers_ffi_encodings* operator->() const { return &value_; }
  std::size_t tokens() const { return value_.inputs == 0 ? 0 : value_.begins[value_.inputs]; }

 private:
  tokenizers_ffi_encodings value_{};
};

void append(Encodings& all, const ForeignEncodings& part) {
  const std::size_t tokens = part.tokens();
  const std::int64_t first = all.tokens();
  all.ids.insert(all.ids.end(), part->ids, part->ids + tokens);
  all.type_ids.insert(all.type_ids.end(), part->type_ids, part->type_ids + tokens);
  all.special.insert(all.special.end(), part->special, part->special + tokens);
  all.texts.insert(all.texts.end(), part->sequences, part->sequences + tokens);
  for (std::size_t i = 0; i < tokens; ++i) {
    all.offsets.push_back({static_cast<std::int64_t>(part->offset_begins[i]), static_cast<std::int64_t>(part->offset_ends[i])});
  }
  for (std::size_t i = 1; i <= part->inputs; ++i) all.begins.push_back(first + static_cast<std::int64_t>(part->begins[i]));
  all.truncated.insert(all.truncated.end(), part->truncated, part->truncated + part->inputs);
}

tokenizers_ffi_options foreign_options(const EncodeOptions& options) {
  if (options.max_length && *options.max_length < 1) {
    throw Error(ErrorKind::invalid_argument, fmt::format("max_length is {}, expected at least 1 token", *options.max_length));
  }
  return {.add_special_tokens = options.add_special_tokens,
          .character_offsets = options.offset_unit == OffsetUnit::characters,
          .truncate_left = options.truncation_side == Side::left,
          .strategy = static_cast<std::int32_t>(options.truncation),
          .max_length = options.max_length ? static_cast<std::size_t>(*options.max_length) : SIZE_MAX,
          .first_number = 0};
}

/// Whether a tokenizer.json's model has a continuing_subword_prefix that is not empty. Its vocabulary may be large and only
/// has numbers behind its keys, so the text is searched, not parsed.
bool has_continuation_mark(std::string_view json) {
  constexpr std::string_view key = "\"continuing_subword_prefix\"";
  for (std::size_t place = json.find(key); place != std::string_view::npos; place = json.find(key, place)) {
    place += key.size();
    std::string_view rest = json.substr(place);
    for (const char expected : {':', '"'}) {
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
      if (!rest.starts_with(expected)) break;
      rest.remove_prefix(1);
      if (expected == '"' && !rest.starts_with('"')) return true;
    }
  }
  return false;
}

static_assert(static_cast<int>(TruncationStrategy::only_first) == tokenizers_ffi_only_first);
static_assert(static_cast<int>(TruncationStrategy::only_second) == tokenizers_ffi_only_second);

}  // namespace

std::int64_t Encodings::longest() const {
  std::int64_t longest = 0;
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) longest = std::max(longest, begins[i + 1] - begins[i]);
  return longest;
}

void Tokenizer::Free::operator()(tokenizers_ffi_tokenizer* tokenizer) const { tokenizers_ffi_free(tokenizer); }

Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

bool Tokenizer::is_in(const fs::path& folder) {
  if (gguf::is_gguf_file(folder)) return has_gguf_tokenizer(gguf::File::open(folder).header.metadata);
  return fs::exists(folder / tokenizer_file) || !vocabulary_file(folder).empty();
}

Tokenizer Tokenizer::load(const fs::path& folder) {
  if (gguf::is_gguf_file(folder)) {
    GgufTokenizer read = build_gguf_tokenizer(gguf::File::open(folder).header.metadata);
    const std::string added_tokens = json_of(read.built.added_tokens, true);
    return {open({.json = read.built.json, .added_tokens = added_tokens}, folder), std::move(read.config), false};
  }
  if (!fs::is_directory(folder)) throw Error(ErrorKind::not_found, fmt::format("{}: no such model folder", folder.string()));
  TokenizerConfig config = TokenizerConfig::read(folder);
  if (const fs::path path = folder / tokenizer_file; fs::exists(path)) {
    const auto file = MappedFile::open(path);
    const std::string_view json(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
    const std::string added_tokens = json_of(config.added_tokens, false);
    return {open({.json = json, .added_tokens = added_tokens}, path), std::move(config), has_continuation_mark(json)};
  }
  const BuiltTokenizer built = build_tokenizer(folder, config);
  const std::string added_tokens = json_of(built.added_tokens, true);
  return {open({.json = built.json, .added_tokens = added_tokens, .subwords = built.subwords}, built.file), std::move(config),
          has_continuation_mark(built.json)};
}

Tokenizer::Handle Tokenizer::open(const Parts& parts, const fs::path& file) {
  tokenizers_ffi_tokenizer* opened = nullptr;
  expect_success(tokenizers_ffi_open(view_of(parts.json), view_of(parts.added_tokens), view_of(parts.subwords), &opened),
                 ErrorKind::invalid_file, fmt::format("{}: ", file.string()));
  return Handle(opened);
}

Encodings Tokenizer::encode(std::span<const TextInput> inputs, const EncodeOptions& options) const {
  std::vector<tokenizers_ffi_input> foreign(inputs.size());
  std::ranges::transform(inputs, foreign.begin(), [](const TextInput& input) {
    return tokenizers_ffi_input{view_of(input.text), input.pair ? view_of(*input.pair) : text_ffi_view{}};
  });

  const auto count = static_cast<std::int64_t>(inputs.size());
  const bool is_parallel = options.pool != nullptr && options.pool->threads() > 1 && count >= least_parallel_inputs;
  const std::int64_t share = is_parallel ? inputs_of_a_share : std::max<std::int64_t>(count, 1);
  std::vector<ForeignEncodings> parts(static_cast<std::size_t>(divide_up(count, share)));

  const tokenizers_ffi_options common = foreign_options(options);
  const auto encode_part = [&](std::int64_t part, int) {
    tokenizers_ffi_options own = common;
    own.first_number = static_cast<std::size_t>(part * share);
    const auto own_inputs = std::span(foreign).subspan(own.first_number, static_cast<std::size_t>(std::min(share, count - part * share)));
    expect_success(tokenizers_ffi_encode(handle_.get(), own_inputs.data(), own_inputs.size(), &own, &parts[static_cast<std::size_t>(part)]),
                   ErrorKind::invalid_argument);
  };
  if (is_parallel) {
    const ThreadPool::Place place(*options.pool);
    options.pool->parallel_for(static_cast<std::int64_t>(parts.size()), encode_part);
  } else {
    for (std::size_t part = 0; part < parts.size(); ++part) encode_part(static_cast<std::int64_t>(part), 0);
  }

  Encodings all;
  for (const ForeignEncodings& part : parts) append(all, part);
  return all;
}

std::string Tokenizer::decode(std::span<const std::int64_t> ids, bool skip_special_tokens) const {
  const std::int64_t size = vocabulary_size();
  std::vector<std::uint32_t> foreign(ids.size());
  std::ranges::transform(ids, foreign.begin(), [size](std::int64_t id) { return checked_id(id, size); });
  text_ffi_string text{};
  expect_success(tokenizers_ffi_decode(handle_.get(), foreign.data(), foreign.size(), skip_special_tokens, &text),
                 ErrorKind::invalid_argument);
  return take(text);
}

std::string Tokenizer::token_of(std::int64_t id) const {
  text_ffi_string token{};
  expect_success(tokenizers_ffi_token(handle_.get(), checked_id(id, vocabulary_size()), &token), ErrorKind::invalid_argument);
  return take(token);
}

std::optional<std::int64_t> Tokenizer::id_of(std::string_view token) const {
  std::int64_t id = -1;
  expect_success(tokenizers_ffi_id(handle_.get(), view_of(token), &id), ErrorKind::invalid_argument);
  return id < 0 ? std::nullopt : std::optional(id);
}

std::optional<std::int64_t> Tokenizer::id_of(SpecialToken token) const {
  const std::optional<std::string>& text = config_.special_tokens[static_cast<std::size_t>(token)];
  return text ? id_of(*text) : std::nullopt;
}

std::int64_t Tokenizer::vocabulary_size() const {
  std::size_t size = 0;
  expect_success(tokenizers_ffi_vocabulary_size(handle_.get(), &size), ErrorKind::internal);
  return static_cast<std::int64_t>(size);
}

}  // namespace accelerate

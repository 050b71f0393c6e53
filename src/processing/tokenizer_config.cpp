#include "processing/tokenizer_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_config_bytes = 64U << 20U;

// transformers writes 1e30 for "no limit", and no tokenizer's limit is near this.
constexpr double least_unlimited_length = 1e9;

constexpr std::uint64_t max_token_id = 999'999'999;

/// One JSON file whose top is an object, with the checks that its fields need.
class ConfigFile {
 public:
  /// Reads `path`, or stands for an empty object when there is no such file.
  explicit ConfigFile(const fs::path& path) : source_(path.string()), fields_(Json::object()) {
    if (!fs::exists(path)) return;
    fields_ = parse_json(read_text_file(path, max_config_bytes), source_);
    if (!fields_.is_object())
      throw Error(ErrorKind::invalid_file, fmt::format("{}: expected an object, not {}", source_, excerpt(fields_)));
  }

  /// The field's value; null when it is missing or null.
  const Json* find(std::string_view field) const {
    const auto found = fields_.find(field);
    return found == fields_.end() || found->is_null() ? nullptr : &*found;
  }

  /// Whether the file says that there is no such thing.
  bool denies(std::string_view field) const {
    const auto found = fields_.find(field);
    return found != fields_.end() && found->is_null();
  }

  const Json& fields() const { return fields_; }

  std::optional<std::string> text(std::string_view field) const {
    const Json* value = find(field);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) refuse(field, *value, "a string");
    return value->get<std::string>();
  }

  std::optional<Side> side(std::string_view field) const {
    const std::optional<std::string> name = text(field);
    if (!name) return std::nullopt;
    if (*name != "left" && *name != "right") refuse(field, *name, "'left' or 'right'");
    return *name == "left" ? Side::left : Side::right;
  }

  /// A token written as a string or as an object with "content". A name is enough for a special token; objects say for
  /// themselves whether they are special where `special` is not given.
  AddedToken token(std::string_view field, const Json& value, std::optional<bool> special) const {
    if (value.is_string()) return {.content = value.get<std::string>(), .special = special.value_or(true), .source = TokenSource::text};
    if (!value.is_object() || !value.contains("content") || !value["content"].is_string()) {
      refuse(field, value, "a token: a string, or an object with a string \"content\"");
    }
    const auto flag = [&](std::string_view name, bool otherwise) {
      const auto found = value.find(name);
      if (found == value.end()) return otherwise;
      if (!found->is_boolean()) refuse(field, value, fmt::format("true or false for \"{}\"", name));
      return found->get<bool>();
    };
    const bool is_special = special ? *special : flag("special", false);
    return {.content = value["content"].get<std::string>(),
            .single_word = flag("single_word", false),
            .lstrip = flag("lstrip", false),
            .rstrip = flag("rstrip", false),
            .normalized = flag("normalized", !is_special),
            .special = is_special};
  }

  [[noreturn]] void refuse(std::string_view field, const Json& value, std::string_view expected) const {
    throw Error(ErrorKind::invalid_file, fmt::format("{}: \"{}\" is {}, expected {}", source_, field, excerpt(value), expected));
  }

 private:
  std::string source_;
  Json fields_;
};

/// Tokens of "added_tokens_decoder" by the id that the file gives them.
std::map<std::int64_t, AddedToken> added_tokens_decoder(const ConfigFile& config) {
  std::map<std::int64_t, AddedToken> tokens;
  const Json* decoder = config.find("added_tokens_decoder");
  if (decoder == nullptr) return tokens;
  if (!decoder->is_object()) config.refuse("added_tokens_decoder", *decoder, "an object");
  for (const auto& [key, value] : decoder->items()) {
    const bool is_number = !key.empty() && key.size() < 10 && std::ranges::all_of(key, [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number) config.refuse("added_tokens_decoder", key, "token ids as keys");
    tokens.emplace(std::stoll(key), config.token("added_tokens_decoder", value, std::nullopt));
  }
  return tokens;
}

/// Tokens of an added_tokens.json, text and id, by id; `special` are the texts of special tokens.
std::map<std::int64_t, AddedToken> added_tokens_file(const ConfigFile& file, const std::vector<AddedToken>& special) {
  std::map<std::int64_t, AddedToken> tokens;
  for (const auto& [text, id] : file.fields().items()) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > max_token_id) file.refuse(text, id, "a token's id");
    const bool is_special = std::ranges::find(special, text, &AddedToken::content) != special.end();
    tokens.emplace(id.get<std::int64_t>(), AddedToken{.content = text, .normalized = !is_special, .special = is_special});
  }
  return tokens;
}

/// Special tokens without a role of their own: a list, or in newer files an object of name and token.
std::vector<AddedToken> further_special_tokens(const ConfigFile& file) {
  std::vector<AddedToken> tokens;
  for (const std::string_view field : {"additional_special_tokens", "extra_special_tokens"}) {
    const Json* values = file.find(field);
    if (values == nullptr) continue;
    if (!values->is_array() && !values->is_object()) file.refuse(field, *values, "a list or an object");
    for (const Json& value : *values) tokens.push_back(file.token(field, value, true));
  }
  return tokens;
}

std::optional<std::int64_t> max_length(const ConfigFile& config) {
  const Json* value = config.find("model_max_length");
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !(value->get<double>() >= 1)) config.refuse("model_max_length", *value, "a number of at least 1");
  const auto length = value->get<double>();
  return length < least_unlimited_length ? std::optional(static_cast<std::int64_t>(length)) : std::nullopt;
}

std::vector<std::string> input_names(const ConfigFile& config, const TokenizerFamily& family) {
  const Json* names = config.find("model_input_names");
  if (names == nullptr) {
    return family.token_type_ids ? std::vector<std::string>{"input_ids", "token_type_ids", "attention_mask"}
                                 : std::vector<std::string>{"input_ids", "attention_mask"};
  }
  const bool are_strings = names->is_array() && std::ranges::all_of(*names, [](const Json& name) { return name.is_string(); });
  if (!are_strings) config.refuse("model_input_names", *names, "a list of strings");
  return names->get<std::vector<std::string>>();
}

}  // namespace

TokenizerConfig TokenizerConfig::read(const fs::path& folder) {
  const ConfigFile config(folder / "tokenizer_config.json");
  const ConfigFile special_tokens_map(folder / "special_tokens_map.json");
  const ConfigFile model_config(folder / "config.json");
  const TokenizerFamily& family =
      tokenizer_family(config.text("tokenizer_class").value_or(""), model_config.text("model_type").value_or(""));

  TokenizerConfig result;
  result.padding_side = config.side("padding_side").value_or(family.padding_side);
  result.truncation_side = config.side("truncation_side").value_or(Side::right);
  result.model_max_length = max_length(config);
  result.model_input_names = input_names(config, family);

  result.tokenizer_class = family.tokenizer_class;

  std::vector<AddedToken> special;
  const bool map_wins = config.find("added_tokens_decoder") == nullptr;
  for (std::size_t i = 0; i < special_token_count; ++i) {
    const std::string_view field = field_of(static_cast<SpecialToken>(i));
    const ConfigFile& file = map_wins && special_tokens_map.find(field) != nullptr ? special_tokens_map : config;
    if (const Json* value = file.find(field)) {
      special.push_back(file.token(field, *value, true));
    } else if (!family.tokens[i].empty() && !config.denies(field)) {
      special.push_back({.content = std::string(family.tokens[i]), .source = TokenSource::assumed});
    } else {
      continue;
    }
    result.special_tokens[i] = special.back().content;
  }
  for (const ConfigFile* file : {&config, &special_tokens_map}) {
    if (file == &special_tokens_map && !map_wins) continue;
    std::vector<AddedToken> further = further_special_tokens(*file);
    result.has_further_special_tokens |= !further.empty();
    std::ranges::move(further, std::back_inserter(special));
  }

  const ConfigFile added_tokens(folder / "added_tokens.json");
  for (auto& [id, token] : map_wins ? added_tokens_file(added_tokens, special) : added_tokens_decoder(config))
    result.added_tokens.push_back(std::move(token));
  std::ranges::move(special, std::back_inserter(result.added_tokens));
  return result;
}

}  // namespace accelerate

#include "formats/generation_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/file.h"
#include "base/json.h"
#include "formats/config.h"
#include "formats/gguf/model.h"

namespace accelerate {
namespace {

constexpr std::size_t max_config_bytes = 16U << 20U;

constexpr IntegerRange from_zero{.minimum = 0};
constexpr NumberRange probability{.minimum = 0, .maximum = 1};
constexpr NumberRange positive{.minimum = std::numeric_limits<double>::min()};

// Some checkpoints write -1 for a token that they do not have.
constexpr IntegerRange token_or_none{.minimum = -1};

using Integers = std::vector<std::int64_t>;

std::optional<std::int64_t> integer(const Config& config, std::string_view field, IntegerRange range) {
  return config.has(field) ? std::optional(config.integer(field, range)) : std::nullopt;
}

std::optional<std::int64_t> token(const Config& config, std::string_view field) {
  const std::optional<std::int64_t> id = integer(config, field, token_or_none);
  return id && *id >= 0 ? id : std::nullopt;
}

std::optional<double> number(const Config& config, std::string_view field, NumberRange range) {
  return config.has(field) ? std::optional(config.number(field, range)) : std::nullopt;
}

std::optional<bool> boolean(const Config& config, std::string_view field) {
  return config.has(field) ? std::optional(config.boolean(field)) : std::nullopt;
}

std::optional<Integers> tokens(const Config& config, std::string_view field) {
  return config.has(field) ? std::optional(config.integers(field, token_or_none)) : std::nullopt;
}

/// A token or a list of tokens.
std::optional<Integers> token_or_tokens(const Config& config, std::string_view field) {
  if (!config.has(field)) return std::nullopt;
  if (config.is_list(field)) return config.integers(field, from_zero);
  const std::optional<std::int64_t> id = token(config, field);
  return id ? std::optional(Integers{*id}) : std::nullopt;
}

std::optional<EarlyStopping> early_stopping(const Config& config) {
  constexpr std::string_view field = "early_stopping";
  if (!config.has(field)) return std::nullopt;
  if (config.is_text(field) && config.text(field) == "never") return EarlyStopping::never;
  if (config.is_text(field)) config.refuse(field, "true, false or \"never\"");
  return config.boolean(field) ? EarlyStopping::yes : EarlyStopping::no;
}

/// The lists of tokens in `text`, which is that of `config`.
std::optional<std::vector<Integers>> bad_words(const Config& config, std::string_view text) {
  constexpr const char* field = "bad_words_ids";
  if (!config.has(field)) return std::nullopt;
  const Json lists = parse_json(text, config.source())[field];
  const auto is_token = [](const Json& token) { return token.is_number_unsigned() && token <= std::numeric_limits<std::int32_t>::max(); };
  const auto is_word = [&](const Json& word) { return word.is_array() && std::ranges::all_of(word, is_token); };
  if (!lists.is_array() || !std::ranges::all_of(lists, is_word)) config.refuse(field, "a list of lists of token ids");
  return lists.get<std::vector<Integers>>();
}

std::optional<std::vector<std::string>> stop_strings(const Config& config) {
  constexpr std::string_view field = "stop_strings";
  if (!config.has(field)) return std::nullopt;
  return config.is_text(field) ? std::vector<std::string>{config.text(field)} : config.texts(field);
}

/// A line for each field that asks for something that the library does not do.
std::vector<std::string> notes_of(const Config& config) {
  std::vector<std::string> notes;
  const auto note = [&](std::string_view field) {
    notes.push_back(fmt::format("{}: '{}' is not supported and has no effect", config.source(), field));
  };
  struct Neutral {
    std::string_view field;
    double value;
  };
  constexpr Neutral numbers[] = {{"encoder_repetition_penalty", 1},
                                 {"guidance_scale", 1},
                                 {"num_beam_groups", 1},
                                 {"diversity_penalty", 0},
                                 {"penalty_alpha", 0},
                                 {"epsilon_cutoff", 0},
                                 {"eta_cutoff", 0}};
  for (const auto& [field, neutral] : numbers) {
    if (number(config, field, {}).value_or(neutral) != neutral) note(field);
  }
  for (const std::string_view field : {"top_h", "exponential_decay_length_penalty", "sequence_bias", "watermarking_config", "max_time",
                                       "force_words_ids", "constraints", "dola_layers"}) {
    if (config.has(field)) note(field);
  }
  if (config.boolean_or("token_healing", false)) note("token_healing");
  return notes;
}

}  // namespace

GenerationConfig parse_generation_config(std::string_view text, const std::string& source) {
  const Config config = Config::parse(text, source);
  GenerationOptions options;
  options.max_new_tokens = integer(config, "max_new_tokens", {});
  options.min_new_tokens = integer(config, "min_new_tokens", from_zero);
  options.max_length = integer(config, "max_length", {});
  options.min_length = integer(config, "min_length", from_zero);

  options.do_sample = boolean(config, "do_sample");
  options.temperature = number(config, "temperature", {.minimum = 0});
  options.top_k = integer(config, "top_k", from_zero);
  options.top_p = number(config, "top_p", probability);
  options.min_p = number(config, "min_p", probability);
  options.typical_p = number(config, "typical_p", {.minimum = positive.minimum, .maximum = 1});
  options.num_beams = integer(config, "num_beams", {});
  options.length_penalty = number(config, "length_penalty", {});
  options.early_stopping = early_stopping(config);
  options.num_return_sequences = integer(config, "num_return_sequences", {});
  options.renormalize_logits = boolean(config, "renormalize_logits");
  options.remove_invalid_values = boolean(config, "remove_invalid_values");

  options.repetition_penalty = number(config, "repetition_penalty", positive);
  options.no_repeat_ngram_size = integer(config, "no_repeat_ngram_size", from_zero);
  options.encoder_no_repeat_ngram_size = integer(config, "encoder_no_repeat_ngram_size", from_zero);
  options.bad_words_ids = bad_words(config, text);
  options.suppress_tokens = tokens(config, "suppress_tokens");
  options.begin_suppress_tokens = tokens(config, "begin_suppress_tokens");
  options.forced_bos_token_id = token(config, "forced_bos_token_id");
  options.forced_eos_token_id = token_or_tokens(config, "forced_eos_token_id");

  options.eos_token_id = token_or_tokens(config, "eos_token_id");
  options.stop_strings = stop_strings(config);
  options.bos_token_id = token(config, "bos_token_id");
  options.pad_token_id = token(config, "pad_token_id");
  options.decoder_start_token_id = token(config, "decoder_start_token_id");
  return {.options = std::move(options), .notes = notes_of(config)};
}

GenerationConfig read_generation_config(const std::filesystem::path& folder) {
  if (gguf::is_gguf_file(folder)) {
    const gguf::File file = gguf::File::open(folder);
    return parse_generation_config(gguf::generation_config_json(file.header.metadata), file.source);
  }
  for (const char* name : {"generation_config.json", "config.json"}) {
    const std::filesystem::path file = folder / name;
    std::error_code error;
    if (std::filesystem::exists(file, error)) return parse_generation_config(read_text_file(file, max_config_bytes), file.string());
  }
  return {};
}

}  // namespace accelerate

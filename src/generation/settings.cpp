#include "generation/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <string_view>
#include <tuple>

#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

using Options = GenerationOptions;
using Tokens = std::vector<std::int64_t>;

constexpr std::int64_t most_tokens = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t most_beams = 1024;
constexpr std::int64_t most_log_probabilities = 20;
constexpr double most_penalty = 2;
constexpr double most_bias = 100;

/// Every field that merging treats alike.
constexpr auto fields = std::tuple{&Options::do_sample,
                                   &Options::temperature,
                                   &Options::top_k,
                                   &Options::top_p,
                                   &Options::min_p,
                                   &Options::typical_p,
                                   &Options::seed,
                                   &Options::num_beams,
                                   &Options::length_penalty,
                                   &Options::early_stopping,
                                   &Options::num_return_sequences,
                                   &Options::renormalize_logits,
                                   &Options::remove_invalid_values,
                                   &Options::repetition_penalty,
                                   &Options::presence_penalty,
                                   &Options::frequency_penalty,
                                   &Options::no_repeat_ngram_size,
                                   &Options::encoder_no_repeat_ngram_size,
                                   &Options::bad_words_ids,
                                   &Options::logit_bias,
                                   &Options::suppress_tokens,
                                   &Options::begin_suppress_tokens,
                                   &Options::forced_bos_token_id,
                                   &Options::forced_eos_token_id,
                                   &Options::eos_token_id,
                                   &Options::ignore_eos,
                                   &Options::stop_token_ids,
                                   &Options::stop_strings,
                                   &Options::include_stop_string,
                                   &Options::bos_token_id,
                                   &Options::pad_token_id,
                                   &Options::decoder_start_token_id,
                                   &Options::logprobs};

[[noreturn]] void refuse(std::string_view field, const std::string& value, std::string_view expected) {
  throw Error(ErrorKind::invalid_argument, fmt::format("{} is {}, expected {}", field, value, expected));
}

std::int64_t whole(std::string_view field, const std::optional<std::int64_t>& value, std::int64_t fallback, std::int64_t least,
                   std::int64_t most = most_tokens) {
  const std::int64_t number = value.value_or(fallback);
  if (value && (number < least || number > most))
    refuse(field, fmt::format("{}", number), fmt::format("a whole number from {} to {}", least, most));
  return number;
}

struct Range {
  double least;
  double most;
  bool open = false;  ///< whether the least itself is not allowed
};

double number(std::string_view field, const std::optional<double>& value, double fallback, Range range) {
  const double result = value.value_or(fallback);
  const bool fits = result <= range.most && (range.open ? result > range.least : result >= range.least);
  if (value && !fits) {
    const std::string expected =
        range.most == std::numeric_limits<double>::max()
            ? fmt::format("a number {} {}", range.open ? "above" : "of at least", range.least)
            : fmt::format("a number from {} to {}{}", range.least, range.most, range.open ? ", not the former" : "");
    refuse(field, fmt::format("{}", result), expected);
  }
  return result;
}

constexpr Range probability{.least = 0, .most = 1};
constexpr Range positive{.least = 0, .most = std::numeric_limits<double>::max(), .open = true};

/// Tokens that must all be in the vocabulary; those below 0, which some model folders write for none, are dropped.
Tokens tokens(std::string_view field, const std::optional<Tokens>& value, std::int64_t vocabulary) {
  Tokens kept;
  for (const std::int64_t token : value.value_or(Tokens{})) {
    if (token >= vocabulary) refuse(field, fmt::format("{}", *value), fmt::format("token ids below {}", vocabulary));
    if (token >= 0) kept.push_back(token);
  }
  return kept;
}

std::vector<Tokens> bad_words(const Options& options, const Tokens& end_tokens, std::int64_t vocabulary) {
  std::vector<Tokens> words;
  for (const Tokens& word : options.bad_words_ids.value_or(std::vector<Tokens>{})) {
    if (word.empty()) refuse("bad_words_ids", "a list with an empty list", "lists of at least one token id");
    const bool fits = std::ranges::all_of(word, [&](std::int64_t token) { return token >= 0 && token < vocabulary; });
    if (!fits) refuse("bad_words_ids", fmt::format("a list with {}", word), fmt::format("token ids from 0 and below {}", vocabulary));
    const bool ends = word.size() == 1 && std::ranges::find(end_tokens, word.front()) != end_tokens.end();
    if (!ends) words.push_back(word);
  }
  return words;
}

std::vector<std::pair<std::int64_t, double>> biases(const Options& options, std::int64_t vocabulary) {
  std::vector<std::pair<std::int64_t, double>> biases;
  if (options.logit_bias) biases = *options.logit_bias;
  for (const auto& [token, bias] : biases) {
    if (token < 0 || token >= vocabulary)
      refuse("logit_bias", fmt::format("for token {}", token), fmt::format("token ids from 0 and below {}", vocabulary));
    if (!(std::abs(bias) <= most_bias))
      refuse("logit_bias", fmt::format("{} for token {}", bias, token), fmt::format("numbers from -{0} to {0}", most_bias));
  }
  return biases;
}

std::optional<Grammar> grammar(const Options& options) {
  std::optional<Grammar> result;
  const auto take = [&](const std::optional<std::string>& text, GrammarLanguage language) {
    if (!text) return;
    if (result) throw Error(ErrorKind::invalid_argument, "json_schema, regex and grammar exclude each other, and more than one is given");
    result = Grammar{.language = language, .text = *text};
  };
  take(options.json_schema, GrammarLanguage::json_schema);
  take(options.regex, GrammarLanguage::regex);
  take(options.grammar, GrammarLanguage::lark);
  return result;
}

void resolve_lengths(GenerationSettings& settings, const Options& options, const RequestSizes& sizes) {
  const std::int64_t prompt = sizes.prompt_tokens;
  const std::int64_t room = sizes.context_tokens - prompt;
  if (room < 1) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("the prompt has {} tokens and the model reads at most {}, which leaves none to generate", prompt,
                            sizes.context_tokens));
  }
  std::int64_t wanted = room;
  if (options.max_new_tokens) {
    wanted = whole("max_new_tokens", options.max_new_tokens, 0, 1);
  } else if (options.max_length) {
    wanted = whole("max_length", options.max_length, 0, 1) - prompt;
    if (wanted < 1)
      refuse("max_length", fmt::format("{}", *options.max_length), fmt::format("more than the {} tokens of the prompt", prompt));
  }
  settings.max_new_tokens = std::min(wanted, room);
  const std::int64_t from_length = std::max<std::int64_t>(whole("min_length", options.min_length, 0, 0) - prompt, 0);
  settings.min_new_tokens = options.min_new_tokens ? whole("min_new_tokens", options.min_new_tokens, 0, 0) : from_length;
  if (options.min_new_tokens && options.max_new_tokens && settings.min_new_tokens > wanted)
    refuse("min_new_tokens", fmt::format("{}", settings.min_new_tokens), fmt::format("at most max_new_tokens, which is {}", wanted));
}

void resolve_choice(GenerationSettings& settings, const Options& options) {
  settings.do_sample = options.do_sample.value_or(false);
  settings.temperature = number("temperature", options.temperature, 1, {.least = 0, .most = std::numeric_limits<double>::max()});
  // The limit of ever lower temperatures, and what other interfaces mean by 0.
  if (settings.temperature == 0) settings.do_sample = false;
  settings.top_k = whole("top_k", options.top_k, 50, 0);
  settings.top_p = number("top_p", options.top_p, 1, probability);
  if (options.min_p) settings.min_p = number("min_p", options.min_p, 0, probability);
  settings.typical_p = number("typical_p", options.typical_p, 1, {.least = 0, .most = 1, .open = true});
  settings.seed = options.seed.value_or(0);
  settings.num_beams = whole("num_beams", options.num_beams, 1, 1, most_beams);
  settings.length_penalty = number("length_penalty", options.length_penalty, 1,
                                   {.least = std::numeric_limits<double>::lowest(), .most = std::numeric_limits<double>::max()});
  settings.early_stopping = options.early_stopping.value_or(EarlyStopping::no);
  settings.num_return_sequences = whole("num_return_sequences", options.num_return_sequences, 1, 1, most_beams);
  settings.renormalize_logits = options.renormalize_logits.value_or(false);
  settings.remove_invalid_values = options.remove_invalid_values.value_or(false);
  const std::int64_t texts = settings.num_return_sequences;
  if (settings.num_beams > 1 && texts > settings.num_beams)
    refuse("num_return_sequences", fmt::format("{}", texts), fmt::format("at most num_beams, which is {}", settings.num_beams));
  if (settings.num_beams == 1 && texts > 1 && !settings.do_sample)
    refuse("num_return_sequences", fmt::format("{}", texts), "1, because without do_sample and num_beams all texts would be the same");
}

void resolve_changes(GenerationSettings& settings, const Options& options, std::int64_t vocabulary) {
  constexpr Range penalty{.least = -most_penalty, .most = most_penalty};
  settings.repetition_penalty = number("repetition_penalty", options.repetition_penalty, 1, positive);
  settings.presence_penalty = number("presence_penalty", options.presence_penalty, 0, penalty);
  settings.frequency_penalty = number("frequency_penalty", options.frequency_penalty, 0, penalty);
  settings.no_repeat_ngram_size = whole("no_repeat_ngram_size", options.no_repeat_ngram_size, 0, 0);
  settings.encoder_no_repeat_ngram_size = whole("encoder_no_repeat_ngram_size", options.encoder_no_repeat_ngram_size, 0, 0);
  settings.logit_bias = biases(options, vocabulary);
  settings.suppress_tokens = tokens("suppress_tokens", options.suppress_tokens, vocabulary);
  settings.begin_suppress_tokens = tokens("begin_suppress_tokens", options.begin_suppress_tokens, vocabulary);
  settings.forced_eos_token_id = tokens("forced_eos_token_id", options.forced_eos_token_id, vocabulary);
  if (options.forced_bos_token_id)
    settings.forced_bos_token_id = whole("forced_bos_token_id", options.forced_bos_token_id, 0, 0, vocabulary - 1);
}

void resolve_end(GenerationSettings& settings, const Options& options, std::int64_t vocabulary) {
  const Tokens end_tokens = tokens("eos_token_id", options.eos_token_id, vocabulary);
  settings.bad_words_ids = bad_words(options, end_tokens, vocabulary);
  if (!options.ignore_eos.value_or(false)) settings.eos_token_id = end_tokens;
  settings.stop_token_ids = tokens("stop_token_ids", options.stop_token_ids, vocabulary);
  settings.stop_strings = options.stop_strings.value_or(std::vector<std::string>{});
  for (const std::string& text : settings.stop_strings) {
    if (text.empty()) refuse("stop_strings", "a list with an empty text", "texts of at least one character");
  }
  settings.include_stop_string = options.include_stop_string.value_or(false);
}

}  // namespace

GenerationOptions merged(GenerationOptions options, const GenerationOptions& defaults) {
  if (!options.max_new_tokens && !options.max_length) {
    options.max_new_tokens = defaults.max_new_tokens;
    options.max_length = defaults.max_length;
  }
  if (!options.min_new_tokens && !options.min_length) {
    options.min_new_tokens = defaults.min_new_tokens;
    options.min_length = defaults.min_length;
  }
  if (!options.json_schema && !options.regex && !options.grammar) {
    options.json_schema = defaults.json_schema;
    options.regex = defaults.regex;
    options.grammar = defaults.grammar;
  }
  const auto take = [&](auto member) {
    if (!(options.*member)) options.*member = defaults.*member;
  };
  std::apply([&](auto... member) { (take(member), ...); }, fields);
  return options;
}

GenerationSettings resolve(const GenerationOptions& options, const RequestSizes& sizes) {
  GenerationSettings settings;
  settings.prompt_tokens = sizes.prompt_tokens;
  resolve_lengths(settings, options, sizes);
  resolve_choice(settings, options);
  resolve_changes(settings, options, sizes.vocabulary);
  resolve_end(settings, options, sizes.vocabulary);
  settings.grammar = grammar(options);
  if (options.logprobs) settings.logprobs = whole("logprobs", options.logprobs, 0, 0, most_log_probabilities);
  return settings;
}

}  // namespace accelerate

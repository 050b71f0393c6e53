#include "cli/generation_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <utility>

#include "base/file.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cli {
namespace {

constexpr std::size_t most_schema_bytes = std::size_t{16} << 20;

constexpr const char* lengths = "Length and end";
constexpr const char* choice = "Choice of tokens";
constexpr const char* form = "Form of the text";

std::pair<std::int64_t, double> bias_of(const std::string& text) {
  std::int64_t token = 0;
  double bias = 0;
  const char* const end = text.data() + text.size();
  const auto [after_token, token_error] = std::from_chars(text.data(), end, token);
  if (token_error == std::errc() && after_token != end && *after_token == '=') {
    const auto [after_bias, bias_error] = std::from_chars(after_token + 1, end, bias);
    if (bias_error == std::errc() && after_bias == end) return {token, bias};
  }
  throw Error(ErrorKind::invalid_argument, fmt::format("--logit-bias: '{}', expected TOKEN=BIAS, such as 42=-5", text));
}

}  // namespace

std::vector<const CLI::Option*> add_generation_flags(CLI::App& command, GenerationFlags& flags, WithTopK with_top_k) {
  GenerationOptions& options = flags.options;
  const std::size_t before = command.get_options().size();
  command.add_option("--max-new-tokens", options.max_new_tokens, "tokens to generate, at most; without it what the model's context leaves")
      ->type_name("N")
      ->group(lengths);
  command.add_option("--min-new-tokens", options.min_new_tokens, "tokens before the text may end")->type_name("N")->group(lengths);
  command.add_flag("--ignore-eos", flags.ignore_eos, "go on after the model's end of text")->group(lengths);
  command.add_option("--stop", options.stop_strings, "text that ends the text; may be given several times")
      ->type_name("TEXT")
      ->group(lengths);
  command.add_option("--stop-token", options.stop_token_ids, "token id that ends the text; may be given several times")
      ->type_name("ID")
      ->group(lengths);

  CLI::Option* greedy = command.add_flag("--greedy", flags.greedy, "always the most probable token")->group(choice);
  command.add_flag("--sample", flags.sample, "draw tokens by their probability")->excludes(greedy)->group(choice);
  command.add_option("--seed", options.seed, "of what is drawn: the same seed gives the same text")->type_name("N")->group(choice);
  command.add_option("--temperature", options.temperature, "above 1: more varied, below 1: more certain")->type_name("X")->group(choice);
  if (with_top_k == WithTopK::yes)
    command.add_option("--top-k", options.top_k, "draw among the K most probable; 0: all")->type_name("K")->group(choice);
  command.add_option("--top-p", options.top_p, "draw among the most probable that make up this share")->type_name("P")->group(choice);
  command.add_option("--min-p", options.min_p, "draw among those this probable, as a share of the most probable one")
      ->type_name("P")
      ->group(choice);
  command.add_option("--typical-p", options.typical_p, "draw among the most typical that make up this share")
      ->type_name("P")
      ->group(choice);
  command.add_option("--repetition-penalty", options.repetition_penalty, "above 1: less of what is in prompt and text")
      ->type_name("X")
      ->group(choice);
  command.add_option("--presence-penalty", options.presence_penalty, "taken off tokens that were generated")->type_name("X")->group(choice);
  command.add_option("--frequency-penalty", options.frequency_penalty, "taken off each time a token was generated")
      ->type_name("X")
      ->group(choice);
  command.add_option("--no-repeat-ngram-size", options.no_repeat_ngram_size, "runs of so many tokens do not come twice")
      ->type_name("N")
      ->group(choice);
  command.add_option("--logit-bias", flags.logit_bias, "added to a token's logit; may be given several times")
      ->type_name("ID=BIAS")
      ->group(choice);
  command.add_option("--beams", options.num_beams, "beams of a beam search; 1: none")->type_name("N")->group(choice);
  command.add_option("--length-penalty", options.length_penalty, "power of its length that a beam's score is divided by")
      ->type_name("X")
      ->group(choice);
  command.add_option("--early-stopping", flags.early_stopping, "when a beam search has enough: no, yes or never")
      ->check(CLI::IsMember({"no", "yes", "never"}).description(""))
      ->type_name("WHEN")
      ->group(choice);
  command.add_option("--texts", options.num_return_sequences, "texts for each prompt")->type_name("N")->group(choice);
  command.add_option("--logprobs", options.logprobs, "tell each token's log-probability and those of the N most probable ones")
      ->type_name("N")
      ->group(choice);

  CLI::Option* schema = command.add_option("--json-schema", flags.json_schema, "file with a JSON schema that the text follows")
                            ->type_name("FILE")
                            ->group(form);
  CLI::Option* regex = command.add_option("--regex", options.regex, "regular expression for the whole text")
                           ->excludes(schema)
                           ->type_name("TEXT")
                           ->group(form);
  command.add_option("--grammar", options.grammar, "grammar for the whole text, as Lark writes them")
      ->excludes(schema)
      ->excludes(regex)
      ->type_name("TEXT")
      ->group(form);
  const auto all = std::as_const(command).get_options();
  return {all.begin() + static_cast<std::ptrdiff_t>(before), all.end()};
}

void parse_generation_flags(const std::map<std::string, std::string>& values, GenerationFlags& flags) {
  CLI::App app;
  app.set_help_flag();
  add_generation_flags(app, flags);
  std::vector<std::string> words;
  for (const auto& [name, value] : values) words.push_back(value.empty() ? "--" + name : fmt::format("--{}={}", name, value));
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorKind::invalid_argument, error.what());
  }
}

std::string generation_flag_names() {
  CLI::App app;
  app.set_help_flag();
  GenerationFlags flags;
  std::vector<std::string> names;
  for (const CLI::Option* option : add_generation_flags(app, flags)) names.push_back(option->get_single_name());
  return fmt::format("{}", fmt::join(names, ", "));
}

GenerationOptions generation_options(const GenerationFlags& flags) {
  GenerationOptions options = flags.options;
  if (flags.greedy) options.do_sample = false;
  if (flags.sample) options.do_sample = true;
  if (flags.greedy && !options.num_beams) options.num_beams = 1;
  if (flags.ignore_eos) options.ignore_eos = true;
  if (flags.early_stopping == "no") options.early_stopping = EarlyStopping::no;
  if (flags.early_stopping == "yes") options.early_stopping = EarlyStopping::yes;
  if (flags.early_stopping == "never") options.early_stopping = EarlyStopping::never;
  if (!flags.json_schema.empty()) options.json_schema = read_text_file(flags.json_schema, most_schema_bytes);
  for (const std::string& text : flags.logit_bias) {
    if (!options.logit_bias) options.logit_bias.emplace();
    options.logit_bias->push_back(bias_of(text));
  }
  return options;
}

}  // namespace accelerate::cli

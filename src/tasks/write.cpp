#include "tasks/write.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

constexpr std::size_t largest_config = 16U << 20U;

/// How a model does a task: the words before each text, and options of generation.
struct TaskParameters {
  std::string prefix;
  GenerationOptions generation;
};

/// The name under which transformers' config.json keeps the parameters of the task.
std::string parameters_name(const WriteOptions& options) {
  if (options.task == Task::summarize) return "summarization";
  if (options.task == Task::translate) return fmt::format("translation_{}_to_{}", options.source_language, options.target_language);
  return {};
}

TaskParameters parameters_of(const ModelFolder& folder, const WriteOptions& options) {
  const std::filesystem::path file = folder.transformer / "config.json";
  const Json config = parse_json(read_text_file(file, largest_config), file.string());
  TaskParameters parameters;
  if (config.contains("prefix") && config["prefix"].is_string()) parameters.prefix = config["prefix"].get<std::string>();
  const auto all = config.find("task_specific_params");
  if (all == config.end() || !all->is_object()) return parameters;
  const auto own = all->find(parameters_name(options));
  if (own == all->end() || !own->is_object()) return parameters;
  parameters.generation = parse_generation_config(own->dump(), file.string()).options;
  if (const auto prefix = own->find("prefix"); prefix != own->end() && prefix->is_string()) parameters.prefix = prefix->get<std::string>();
  return parameters;
}

/// Whether the token names a language as mBART's do: "en_XX".
bool names_language(std::string_view token) {
  const std::size_t line = token.find('_');
  const auto all = [](std::string_view part, const char* from, const char* to) {
    return !part.empty() && std::ranges::all_of(part, [&](char c) { return c >= *from && c <= *to; });
  };
  return line != std::string_view::npos && line <= 3 && all(token.substr(0, line), "a", "z") && token.size() - line == 3 &&
         all(token.substr(line + 1), "A", "Z");
}

/// The id of the language's token; nothing where the tokenizer has none of that name.
std::optional<std::int64_t> language_token(const Tokenizer& tokenizer, const std::string& language) {
  return names_language(language) ? tokenizer.id_of(language) : std::nullopt;
}

/// Puts the language's token in the place of that which the tokenizer puts before or behind each text.
void set_language(std::vector<std::int64_t>& ids, std::int64_t language, const Tokenizer& tokenizer) {
  if (ids.empty()) return;
  for (std::int64_t* id : {&ids.front(), &ids.back()}) {
    if (!names_language(tokenizer.token_of(*id))) continue;
    *id = language;
    return;
  }
}

}  // namespace

TextWriter::TextWriter(const TextGenerator& generator, const WriteOptions& options) : generator_(generator), truncate_(options.truncate) {
  const ModelFolder& folder = generator.session().folder();
  if (!generator.session().reads_source())
    throw Error(ErrorKind::unsupported, fmt::format("{}: '{}' has no encoder, which task '{}' needs", folder.path.string(),
                                                    folder.config.model_type(), name_of(options.task)));
  TaskParameters parameters = parameters_of(folder, options);
  prefix_ = std::move(parameters.prefix);
  generation_ = merged(options.generation, parameters.generation);
  if (options.task != Task::translate) return;
  source_language_ = language_token(generator.tokenizer(), options.source_language);
  if (!generation_.forced_bos_token_id) generation_.forced_bos_token_id = language_token(generator.tokenizer(), options.target_language);
  if (prefix_.empty() && !options.target_language.empty() && !generation_.forced_bos_token_id)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("the model does not translate from '{}' to '{}': it has neither such languages nor {} in its config.json",
                            options.source_language, options.target_language, parameters_name(options)));
}

TextToAnswer TextWriter::prepare(const std::string& text) const {
  const Tokenizer& tokenizer = generator_.tokenizer();
  std::int64_t most = generator_.session().most_source_tokens();
  if (const auto limit = tokenizer.config().model_max_length; limit && *limit < most) most = *limit;
  const std::string whole = prefix_ + text;
  const TextInput input{.text = whole};
  Encodings encodings = tokenizer.encode(std::span(&input, 1), {.max_length = truncate_ ? std::optional(most) : std::nullopt});
  if (encodings.tokens() > most)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("a text has {} tokens, more than the {} that the model reads", encodings.tokens(), most));
  if (source_language_) set_language(encodings.ids, *source_language_, tokenizer);
  return {.request = {.prompt = std::move(encodings.ids), .options = generation_}, .truncated = encodings.truncated.front() != 0};
}

}  // namespace accelerate

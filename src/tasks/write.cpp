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

/// The tokens of a text for the model's encoder, and whether its end was cut off.
struct Read {
  std::vector<std::int64_t> ids;
  bool truncated = false;
};

Read read(const Tokenizer& tokenizer, const std::string& text, const GenerationSession& session, bool truncate) {
  std::int64_t most = session.most_source_tokens();
  if (const auto limit = tokenizer.config().model_max_length; limit && *limit < most) most = *limit;
  const TextInput input{.text = text};
  Encodings encodings = tokenizer.encode(std::span(&input, 1), {.max_length = truncate ? std::optional(most) : std::nullopt});
  if (encodings.tokens() > most)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("a text has {} tokens, more than the {} that the model reads", encodings.tokens(), most));
  return {.ids = std::move(encodings.ids), .truncated = encodings.truncated.front() != 0};
}

}  // namespace

TextWriter::TextWriter(const ModelFolder& folder, const GenerationSessionOptions& options)
    : generator_(folder, options), notes_(generator_.session().notes()) {
  if (!session().reads_source())
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: '{}' has no encoder to read a text with", folder.path.string(), folder.config.model_type()));
  add_notes(notes_, generator_.notes());
}

std::vector<WrittenText> TextWriter::write(std::span<const std::string> texts, const WriteOptions& options, const Progress& progress) {
  const Tokenizer& tokenizer = generator_.tokenizer();
  const TaskParameters parameters = parameters_of(session().folder(), options);
  GenerationOptions generation = merged(options.generation, parameters.generation);
  std::optional<std::int64_t> source_language;
  if (options.task == Task::translate) {
    source_language = language_token(tokenizer, options.source_language);
    if (const auto target = language_token(tokenizer, options.target_language); target && !generation.forced_bos_token_id)
      generation.forced_bos_token_id = target;
    if (parameters.prefix.empty() && !options.target_language.empty() && !generation.forced_bos_token_id)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("the model does not translate from '{}' to '{}': it has neither such languages nor {} in its config.json",
                              options.source_language, options.target_language, parameters_name(options)));
  }

  std::vector<WrittenText> written(texts.size());
  std::vector<TextGenerator::Ticket> tickets;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Read text = read(tokenizer, parameters.prefix + texts[i], session(), options.truncate);
    if (source_language) set_language(text.ids, *source_language, tokenizer);
    written[i].truncated = text.truncated;
    tickets.push_back(generator_.submit({.prompt = std::move(text.ids), .options = generation, .number = i}));
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    try {
      while (!tickets[i].wait_for(std::chrono::milliseconds(20)))
        if (progress) progress(i, texts.size());
    } catch (...) {
      for (TextGenerator::Ticket& ticket : tickets) ticket.cancel();
      throw;
    }
    GenerationResult result = tickets[i].get();
    GeneratedText& best = result.texts.front();
    written[i].text = std::move(best.text);
    written[i].tokens = static_cast<std::int64_t>(best.tokens.size());
    written[i].prompt_tokens = result.prompt_tokens;
    written[i].finish_reason = best.finish_reason;
  }
  if (progress) progress(texts.size(), texts.size());
  return written;
}

}  // namespace accelerate

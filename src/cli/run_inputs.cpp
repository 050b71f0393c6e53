#include "cli/run_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <iterator>

#include "base/file.h"
#include "base/json.h"
#include "ipfs_accelerate/error.h"
#include "processing/chat_messages.h"

namespace accelerate::cli {
namespace {

constexpr std::size_t largest_input_file = std::size_t{1} << 32;

/// Calls take(line, number from 1) for each line of a text; a last line may lack its end.
void for_each_line(std::string_view text, const std::function<void(std::string_view, std::size_t)>& take) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    take(line, number);
  }
}

std::string read_standard_input() {
  std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  if (std::cin.bad()) throw Error(ErrorKind::io, "standard input: cannot be read");
  return text;
}

std::string text_field(const Json& object, std::string_view field, const std::string& place) {
  const auto found = object.find(field);
  if (found == object.end()) throw Error(ErrorKind::invalid_argument, fmt::format("{}: has no \"{}\"", place, field));
  if (!found->is_string())
    throw Error(ErrorKind::invalid_argument, fmt::format("{}: \"{}\" is {}, expected a text", place, field, excerpt(*found)));
  return found->get<std::string>();
}

std::vector<std::string> texts_field(const Json& object, std::string_view field, const std::string& place) {
  const auto found = object.find(field);
  if (found == object.end()) return {};
  if (!found->is_array() || !std::ranges::all_of(*found, [](const Json& value) { return value.is_string(); }))
    throw Error(ErrorKind::invalid_argument, fmt::format("{}: \"{}\" is {}, expected a list of texts", place, field, excerpt(*found)));
  return found->get<std::vector<std::string>>();
}

void add_lines(std::vector<RunInput>& inputs, std::string_view text) {
  for_each_line(text, [&](std::string_view line, std::size_t) { inputs.push_back({.text = std::string(line)}); });
}

/// The texts among the inputs as the documents of the query, in place of the first of them.
void gather_documents(std::vector<RunInput>& inputs, const std::string& query) {
  RunInput ranked{.text = query};
  const auto is_text = [](const RunInput& input) { return input.documents.empty() && !input.pair; };
  for (RunInput& input : inputs)
    if (is_text(input)) ranked.documents.push_back(std::move(input.text));
  if (ranked.documents.empty()) return;
  const auto first = std::ranges::find_if(inputs, is_text);
  *first = std::move(ranked);
  inputs.erase(std::remove_if(first + 1, inputs.end(), is_text), inputs.end());
}

}  // namespace

RunInput parse_input(std::string_view line, const std::string& place) {
  Json value;
  try {
    value = parse_json(line, place);
  } catch (const Error& error) {
    throw Error(ErrorKind::invalid_argument, error.what());  // the caller's input, not a model's file
  }
  if (value.is_string()) return {.text = value.get<std::string>()};
  if (!value.is_object())
    throw Error(ErrorKind::invalid_argument, fmt::format("{}: is {}, expected a text or an object", place, excerpt(value)));
  const auto has = [&](std::string_view field) { return value.contains(field); };
  if (has("messages")) {
    try {
      return {.text = {}, .messages = messages_of(value["messages"], fmt::format("{}: 'messages'", place))};
    } catch (const Error& error) {
      throw Error(ErrorKind::invalid_argument, error.what());
    }
  }
  if (has("prompt")) return {.text = text_field(value, "prompt", place)};
  const std::string_view first = has("question") ? "question" : has("query") ? "query" : "text";
  const std::string_view second = has("question") ? "context" : has("text_pair") ? "text_pair" : "pair";
  RunInput input{.text = text_field(value, first, place),
                 .documents = texts_field(value, "documents", place),
                 .labels = texts_field(value, "labels", place)};
  if (has(second)) input.pair = text_field(value, second, place);
  return input;
}

void complete_input(RunInput& input, const RunSources& sources, Task task) {
  const auto refuse = [](const std::string& reason) { throw Error(ErrorKind::invalid_argument, reason); };
  if (task == Task::answer && !input.pair) {
    if (sources.context.empty()) refuse("the question has no context; see --context");
    input.pair = sources.context;
  }
  if (input.pair && task != Task::answer && task != Task::classify)
    refuse(fmt::format("is a pair, and task '{}' takes single texts", name_of(task)));
  if (task == Task::rerank && input.documents.empty()) refuse(R"(has no "documents" to rank; as a text it would be one of --query's)");
  if (task != Task::rerank && !input.documents.empty()) refuse(fmt::format("has documents, and task '{}' takes texts", name_of(task)));
  if (task == Task::chat && input.messages.empty()) input.messages.push_back({.role = "user", .content = std::move(input.text)});
  if (task != Task::chat && !input.messages.empty()) refuse(fmt::format("has messages, and task '{}' takes texts", name_of(task)));
  if (task == Task::zero_shot && input.labels.empty()) input.labels = sources.labels;
  if (task == Task::zero_shot && input.labels.empty()) refuse("has no labels to choose from; see --labels");
}

std::vector<RunInput> read_inputs(const RunSources& sources, Task task) {
  std::vector<RunInput> inputs;
  for (const std::string& argument : sources.arguments) {
    if (argument == "-")
      add_lines(inputs, read_standard_input());
    else
      inputs.push_back({.text = argument});
  }
  if (!sources.text_file.empty()) {
    add_lines(inputs, sources.text_file == "-" ? read_standard_input() : read_text_file(sources.text_file, largest_input_file));
  }
  if (!sources.json_lines.empty()) {
    const std::string text = sources.json_lines == "-" ? read_standard_input() : read_text_file(sources.json_lines, largest_input_file);
    const std::string source = sources.json_lines == "-" ? "standard input" : sources.json_lines;
    for_each_line(text, [&](std::string_view line, std::size_t number) {
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
      inputs.push_back(parse_input(line, fmt::format("{} line {}", source, number)));
    });
  }
  if (inputs.empty())
    throw Error(ErrorKind::invalid_argument, "run: no input; give texts, --text-file or --input, or - for standard input");
  if (task == Task::rerank && !sources.query.empty()) gather_documents(inputs, sources.query);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    try {
      complete_input(inputs[i], sources, task);
      inputs[i].number = i;
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("input {}: {}", i, error.what()));
    }
  }
  return inputs;
}

}  // namespace accelerate::cli

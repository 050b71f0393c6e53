#include "cli/run_inputs.h"

#include <fmt/format.h>

#include <fstream>
#include <functional>
#include <iostream>

#include "base/file.h"
#include "base/json.h"
#include "ipfs_accelerate/error.h"

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

RunInput parse_input(std::string_view line, const std::string& place) {
  Json value;
  try {
    value = parse_json(line, place);
  } catch (const Error& error) {
    throw Error(ErrorKind::invalid_argument, error.what());  // the caller's input, not a model's file
  }
  if (value.is_string()) return {.text = value.get<std::string>(), .pair = {}};
  if (!value.is_object())
    throw Error(ErrorKind::invalid_argument, fmt::format("{}: is {}, expected a text or an object", place, excerpt(value)));
  const bool is_question = value.contains("question");
  const std::string_view second = is_question ? "context" : "pair";
  RunInput input{.text = text_field(value, is_question ? "question" : "text", place), .pair = {}};
  if (value.contains(second)) input.pair = text_field(value, second, place);
  return input;
}

void add_lines(std::vector<RunInput>& inputs, std::string_view text) {
  for_each_line(text, [&](std::string_view line, std::size_t) { inputs.push_back({.text = std::string(line), .pair = {}}); });
}

void check(std::vector<RunInput>& inputs, const RunSources& sources, Task task) {
  if (inputs.empty())
    throw Error(ErrorKind::invalid_argument, "run: no input; give texts, --text-file or --input, or - for standard input");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    RunInput& input = inputs[i];
    if (task == Task::answer && !input.pair) {
      if (sources.context.empty())
        throw Error(ErrorKind::invalid_argument, fmt::format("input {}: the question has no context; see --context", i));
      input.pair = sources.context;
    }
    if (input.pair && task != Task::answer && task != Task::classify)
      throw Error(ErrorKind::invalid_argument, fmt::format("input {}: is a pair, and task '{}' takes single texts", i, name_of(task)));
  }
}

}  // namespace

std::vector<RunInput> read_inputs(const RunSources& sources, Task task) {
  std::vector<RunInput> inputs;
  for (const std::string& argument : sources.arguments) {
    if (argument == "-")
      add_lines(inputs, read_standard_input());
    else
      inputs.push_back({.text = argument, .pair = {}});
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
  check(inputs, sources, task);
  return inputs;
}

}  // namespace accelerate::cli

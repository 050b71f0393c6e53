#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/generation.h"
#include "tasks/task.h"

namespace accelerate::cli {

/// One input of a task: a text; or a text and its pair; or a question and its context; or a query and its documents.
struct RunInput {
  std::string text;                         ///< or the question, or the query
  std::optional<std::string> pair = {};     ///< the second text, or the question's context
  std::vector<std::string> documents = {};  ///< of the query
  std::vector<std::string> labels = {};     ///< that this text may have, in place of RunSources::labels
  std::vector<ChatMessage> messages = {};   ///< of a conversation, in place of a text
  std::uint64_t number = 0;                 ///< among all inputs: what is drawn for it depends on that
};

/// Where `run` takes its inputs from, and what completes them. The sources are read in this order.
struct RunSources {
  std::vector<std::string> arguments;  ///< texts as they stand; "-" is standard input, one text a line
  std::string text_file;               ///< one text a line
  std::string json_lines;              ///< one JSON value a line: see parse_input
  std::string context;                 ///< of every question that brings none of its own
  std::string query;                   ///< of documents that are given as texts
  std::vector<std::string> labels;     ///< of every text that brings none of its own
};

/// The input in a line of JSON: "text", {"text":…}, {"text":…,"pair":…} ("text_pair" is the same), {"text":…,"labels":[…]},
/// {"question":…,"context":…}, {"query":…,"documents":[…]}, {"prompt":…} or {"messages":[…]}. Throws invalid_argument, naming `place`, for
/// anything else.
RunInput parse_input(std::string_view line, const std::string& place);

/// Adds what the input lacks and `sources` have. Throws invalid_argument, without naming the input, where `task` then still
/// lacks something, or does not take what it is given.
void complete_input(RunInput& input, const RunSources& sources, Task task);

/// All inputs for `task`. Throws invalid_argument for a line that is not what it should be, with the file and its number, for an
/// input that is not complete, and when there is no input at all. Texts are the documents of `query` where the task ranks.
std::vector<RunInput> read_inputs(const RunSources& sources, Task task);

}  // namespace accelerate::cli

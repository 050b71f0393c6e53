#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tasks/task.h"

namespace accelerate::cli {

/// One input of a task: a text; or a text and its pair; or a question and its context.
struct RunInput {
  std::string text;
  std::optional<std::string> pair;  ///< the second text, or the question's context
};

/// Where `run` takes its inputs from. They are read in this order.
struct RunSources {
  std::vector<std::string> arguments;  ///< texts as they stand; "-" is standard input, one text a line
  std::string text_file;               ///< one text a line
  std::string json_lines;              ///< one JSON value a line: "text", {"text":…,"pair":…} or {"question":…,"context":…}
  std::string context;                 ///< of every question that brings none of its own
};

/// All inputs for `task`. Throws invalid_argument for a line that is not what it should be, with the file and its number, for
/// a question without context, a pair where the task takes none, and when there is no input at all.
std::vector<RunInput> read_inputs(const RunSources& sources, Task task);

}  // namespace accelerate::cli

#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/run_inputs.h"
#include "cli/run_tasks.h"

namespace accelerate::cli {

/// A run from a file of inputs to a file of answers.
struct FileRun {
  std::filesystem::path input;
  bool is_text = false;  ///< each line is a text; otherwise JSON, and empty lines are nothing
  std::filesystem::path output;
  Task task = Task::embed;
  RunSources sources = {};               ///< what completes the inputs
  bool skip_errors = false;              ///< write an error in place of an answer that cannot be given, and go on
  bool restart = false;                  ///< throw away what an earlier run left
  nlohmann::ordered_json settings = {};  ///< an object of texts: what the answers depend on beside input, model and task
};

/// What a run over a file did.
struct FileRunResult {
  std::uint64_t answers = 0;    ///< in the file, those of earlier runs counted
  std::uint64_t continued = 0;  ///< of these, those of earlier runs
  std::uint64_t skipped = 0;    ///< of all answers, errors
};

/// Answers the file's lines in their order, an object a line with the number of its input as "index", and goes on with what an
/// earlier run left. Lines are taken a window at a time, within which texts of like length run together, so memory is bounded
/// however long the file is; a window is some seconds' work, which is what a run that is killed loses. Throws as
/// ResumableOutput does, invalid_argument naming file and line for an input that is not what it should be, and cancelled on
/// Ctrl-C; what was answered until then is kept.
FileRunResult run_file(TaskRunner& runner, const FileRun& run);

}  // namespace accelerate::cli

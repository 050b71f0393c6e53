#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/run_inputs.h"
#include "ipfs_accelerate/generation.h"
#include "tasks/answers_json.h"
#include "tasks/task.h"

namespace accelerate::cli {

struct TaskOptions {
  std::size_t top_k = 0;                          ///< answers of an input; 0: the task's own number
  std::size_t nearest = 0;                        ///< nearest pairs to show after embeddings
  bool truncate = true;                           ///< cut texts that are too long; otherwise they are an error
  std::optional<std::string> prompt_name = {};    ///< embed: which of the folder's prompts
  std::optional<std::string> prompt = {};         ///< embed: the prompt itself
  std::optional<std::int64_t> dimensions = {};    ///< embed: numbers that are kept
  std::string hypothesis = {};                    ///< zero-shot: with {} for the label; empty: the task's own
  bool multi_label = false;                       ///< zero-shot: each label by itself
  Aggregation aggregation = Aggregation::simple;  ///< tag
  std::string source_language = {};               ///< translate
  std::string target_language = {};               ///< translate
  GenerationOptions generation = {};              ///< generate, chat, translate, summarize
};

/// A task at work: the same steps for each, whatever its answers are made of.
class TaskRunner {
 public:
  TaskRunner() = default;
  TaskRunner(const TaskRunner&) = delete;
  TaskRunner& operator=(const TaskRunner&) = delete;
  virtual ~TaskRunner() = default;

  virtual const ModelFolder& folder() const = 0;
  virtual const Placement& placement() const = 0;
  virtual double load_milliseconds() const = 0;

  /// Inputs that are worth a call of run(), where there are as many.
  virtual std::size_t least_inputs() const { return 64; }

  /// Computes the answers to `inputs`, in place of those before.
  virtual void run(std::span<const RunInput> inputs, const Progress& progress) = 0;

  /// The i-th answer as a JSON object, without "index".
  virtual AnswerJson json(std::size_t i) const = 0;

  /// Appends what json(i) has, without the braces around it.
  virtual void append_fields(std::string& line, std::size_t i) const;

  /// The i-th answer for people.
  virtual std::string text(std::size_t i) const = 0;

  /// What a reader of the i-th answer must know of how it came about.
  virtual const std::vector<std::string>& notes(std::size_t i) const = 0;

  /// What to show after all answers, for people.
  virtual std::string closing_text(std::span<const RunInput>) const { return {}; }
};

/// The runner of `task` with the folder's model.
std::unique_ptr<TaskRunner> make_task_runner(Task task, const ModelFolder& folder, const SessionOptions& session,
                                             const TaskOptions& options);

}  // namespace accelerate::cli

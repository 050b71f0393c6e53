#include "tasks/task.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

struct Row {
  Task task;
  std::string_view name;
  Head head;
};

constexpr std::array rows{
    Row{Task::embed, "embed", Head::base},
    Row{Task::fill_mask, "fill-mask", Head::masked_lm},
    Row{Task::classify, "classify", Head::sequence_classification},
    Row{Task::tag, "tag", Head::token_classification},
    Row{Task::answer, "answer", Head::question_answering},
    Row{Task::rerank, "rerank", Head::sequence_classification},
    Row{Task::zero_shot, "zero-shot", Head::sequence_classification},
    Row{Task::generate, "generate", Head::causal_lm},
    Row{Task::generate, "generate", Head::conditional_generation},
    Row{Task::chat, "chat", Head::causal_lm},
    Row{Task::translate, "translate", Head::conditional_generation},
    Row{Task::summarize, "summarize", Head::conditional_generation},
};

const Row& row_of(Task task) {
  for (const Row& row : rows)
    if (row.task == task) return row;
  throw Error(ErrorKind::internal, fmt::format("task {} is not in the table", static_cast<int>(task)));
}

bool does(Head head, Task task) {
  return std::ranges::any_of(rows, [&](const Row& row) { return row.task == task && row.head == head; });
}

/// Whether summarizing is the one task that the model's config.json has parameters for.
bool only_summarizes(const Config& config) {
  if (!config.has("task_specific_params")) return false;
  return config.object("task_specific_params").fields() == std::vector<std::string>{"summarization"};
}

}  // namespace

std::string_view name_of(Task task) { return row_of(task).name; }

Task task_named(std::string_view name) {
  std::string known;
  for (const Row& row : rows) {
    if (row.name == name) return row.task;
    if (known.ends_with(row.name)) continue;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorKind::invalid_argument, fmt::format("task '{}' is not one of {}", name, known));
}

Head head_of(Task task, std::span<const Head> heads) {
  const auto found = std::ranges::find_if(heads, [&](Head head) { return does(head, task); });
  return found == heads.end() ? row_of(task).head : *found;
}

Task task_of(Head head) {
  for (const Row& row : rows)
    if (row.head == head) return row.task;
  return Task::embed;  // which reads the states below any head
}

Task choose_task(std::string_view name, const Config& config) {
  const Head head = head_of(config);
  const bool has_encoder = head == Head::conditional_generation;
  if (name.empty()) return has_encoder && only_summarizes(config) ? Task::summarize : task_of(head);
  const Task task = task_named(name);
  if (!does(head, task) && (task != Task::embed || has_encoder))
    throw Error(ErrorKind::invalid_argument, fmt::format("task '{}' needs a model with a {} head, and this one has {}; it can do '{}'",
                                                         name, name_of(head_of(task)), name_of(head), name_of(task_of(head))));
  return task;
}

}  // namespace accelerate

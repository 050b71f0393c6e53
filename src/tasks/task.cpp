#include "tasks/task.h"

#include <fmt/format.h>

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
    Row{Task::generate, "generate", Head::conditional_generation},
    Row{Task::translate, "translate", Head::conditional_generation},
    Row{Task::summarize, "summarize", Head::conditional_generation},
};

const Row& row_of(Task task) {
  for (const Row& row : rows)
    if (row.task == task) return row;
  throw Error(ErrorKind::internal, fmt::format("task {} is not in the table", static_cast<int>(task)));
}

}  // namespace

std::string_view name_of(Task task) { return row_of(task).name; }

Task task_named(std::string_view name) {
  std::string known;
  for (const Row& row : rows) {
    if (row.name == name) return row.task;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorKind::invalid_argument, fmt::format("task '{}' is not one of {}", name, known));
}

Head head_of(Task task) { return row_of(task).head; }

Task task_of(Head head) {
  for (const Row& row : rows)
    if (row.head == head) return row.task;
  return Task::embed;  // which reads the states below any head
}

Task choose_task(std::string_view name, const Config& config) {
  const Head head = head_of(config);
  if (name.empty()) return task_of(head);
  const Task task = task_named(name);
  if (task != Task::embed && head_of(task) != head)
    throw Error(ErrorKind::invalid_argument, fmt::format("task '{}' needs a model with a {} head, and this one has {}; it can do '{}'",
                                                         name, name_of(head_of(task)), name_of(head), name_of(task_of(head))));
  return task;
}

}  // namespace accelerate

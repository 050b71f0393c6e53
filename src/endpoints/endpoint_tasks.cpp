#include "endpoints/endpoint_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "models/registry.h"
#include "tasks/zero_shot.h"

namespace accelerate {
namespace {

constexpr std::array<std::string_view, std::variant_size_v<TaskRequest>> names{"embed",  "fill-mask", "classify", "zero-shot", "tag",
                                                                               "answer", "rerank",    "generate", "forward"};

std::vector<std::string> tasks_of_head(const ModelFolder& folder) {
  switch (head_of(folder.config)) {
    case Head::masked_lm:
      return {"fill-mask"};
    case Head::token_classification:
      return {"tag"};
    case Head::question_answering:
      return {"answer"};
    case Head::causal_lm:
    case Head::conditional_generation:
      return {"generate"};
    case Head::sequence_classification: {
      const std::vector<std::string> labels = folder.config.labels();
      if (labels.size() == 1) return {"rerank", "classify"};
      if (knows_entailment(labels)) return {"classify", "zero-shot"};
      return {"classify"};
    }
    default:
      return {};
  }
}

}  // namespace

std::string_view task_of(const TaskRequest& request) { return names.at(request.index()); }

ModelPart part_of(std::string_view task) {
  if (task == "embed") return ModelPart::embedding;
  return task == "generate" ? ModelPart::generation : ModelPart::head;
}

std::vector<std::string> tasks_of(const ModelFolder& folder) {
  std::vector<std::string> tasks = tasks_of_head(folder);
  // What reads one text to write another has no states of one text that would be its embedding.
  if (head_of(folder.config) != Head::conditional_generation) tasks.emplace_back("embed");
  return tasks;
}

std::vector<std::string> tasks_of(const ModelFolder& folder, std::string_view only) {
  std::vector<std::string> tasks = tasks_of(folder);
  if (only.empty()) return tasks;
  if (std::ranges::find(tasks, only) == tasks.end())
    throw Error(ErrorKind::invalid_argument, fmt::format("task '{}': the model {} can do {}", only, folder.name(), fmt::join(tasks, ", ")));
  return {std::string(only)};
}

}  // namespace accelerate

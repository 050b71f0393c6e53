#pragma once

#include <cstdint>
#include <string_view>

#include "models/registry.h"

namespace accelerate {

/// What can be done with texts, each by one head of a model.
enum class Task : std::uint8_t { embed, fill_mask, classify, tag, answer, rerank, zero_shot, generate, translate, summarize };

/// "embed", "fill-mask", "classify", "tag", "answer", "rerank", "zero-shot", "generate", "translate" or "summarize".
std::string_view name_of(Task task);

/// The task of that name. Throws invalid_argument, listing the names, when there is none.
Task task_named(std::string_view name);

/// The head that the task runs.
Head head_of(Task task);

/// What a model with that head is for, classification where several tasks read it; embedding where none does.
Task task_of(Head head);

/// The task to do with a model folder: `name`, or what the folder is for where it is empty. Throws invalid_argument when the
/// model has another head than the task needs; embedding runs with any.
Task choose_task(std::string_view name, const Config& config);

}  // namespace accelerate

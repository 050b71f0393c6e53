#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "models/registry.h"

namespace accelerate {

/// What can be done with texts, each by a head of a model.
enum class Task : std::uint8_t { embed, fill_mask, classify, tag, answer, rerank, zero_shot, generate, chat, translate, summarize };

/// "embed", "fill-mask", "classify", "tag", "answer", "rerank", "zero-shot", "generate", "chat", "translate" or "summarize".
std::string_view name_of(Task task);

/// The task of that name. Throws invalid_argument, listing the names, when there is none.
Task task_named(std::string_view name);

/// The head that the task runs, of those that there are; where none does the task, the one that usually does.
Head head_of(Task task, std::span<const Head> heads = {});

/// What a model with that head is for, the first of those tasks where several read it; embedding where none does.
Task task_of(Head head);

/// The task to do with a model folder: `name`, or what the folder is for where it is empty: for a model that reads one text and writes
/// another, summarize where its config.json tells how to do that alone ("task_specific_params"), generate otherwise. Throws
/// invalid_argument when the model has another head than the task needs; embedding runs with any but those of such a model.
Task choose_task(std::string_view name, const Config& config);

}  // namespace accelerate

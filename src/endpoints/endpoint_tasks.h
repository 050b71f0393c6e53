#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/endpoint_requests.h"
#include "runtime/model_folder.h"

namespace accelerate {

/// What is compiled of a model, each when it is first needed.
enum class ModelPart : std::uint8_t { embedding, head, generation };

/// The name of the task that the request is for: "embed", …, "generate"; "forward" for token ids.
std::string_view task_of(const TaskRequest& request);

/// What the task runs.
ModelPart part_of(std::string_view task);

/// What can be done with the model, what it is for first.
std::vector<std::string> tasks_of(const ModelFolder& folder);

/// The same where only one is wanted. Throws invalid_argument, listing what the model can do, where that is not among it.
std::vector<std::string> tasks_of(const ModelFolder& folder, std::string_view only);

}  // namespace accelerate

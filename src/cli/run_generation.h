#pragma once

#include <memory>

#include "cli/run_tasks.h"

namespace accelerate::cli {

/// The runner of the tasks that go on with texts and conversations, or answer texts: all inputs of a call at once, each drawing by its
/// number.
std::unique_ptr<TaskRunner> make_generation_runner(Task task, const ModelFolder& folder, const SessionOptions& session,
                                                   const TaskOptions& options);

}  // namespace accelerate::cli

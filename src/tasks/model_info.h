// The library's own words for a model and where it runs, and those of its public interface.
#pragma once

#include "ipfs_accelerate/model.h"
#include "runtime/generation_session.h"
#include "runtime/session.h"

namespace accelerate {

/// The options as a session takes them.
SessionOptions session_options(const LoadOptions& options);

/// What the session's model is, and what runs it.
ModelInfo model_info(const Session& session);
ModelInfo model_info(const GenerationSession& session);

}  // namespace accelerate

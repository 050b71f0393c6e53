#pragma once

#include <span>

#include "endpoints/text_batcher.h"

namespace accelerate {

/// Runs the parts' sequences, each a BatchedCall's, as one batch, the longest first, and hands each call its results; a call that
/// refuses them has that as its error. Throws as Session::run does.
void run_joint_batch(const Session& session, std::span<const QueuedPart> parts);

}  // namespace accelerate

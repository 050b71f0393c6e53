#pragma once

#include "base/thread_pool.h"

namespace accelerate {

/// Bytes a second that all threads of the pool together read from memory: the best of a few passes over a GiB, which is then
/// given back. What a step of a few tokens takes is bound by this. Throws out_of_memory.
double memory_read_bandwidth(ThreadPool& threads);

}  // namespace accelerate

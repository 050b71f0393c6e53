#pragma once

#include <cstdint>

namespace accelerate {

/// Bytes of memory that this process holds now and could not read again from a file; 0 where the system does not tell.
std::int64_t private_bytes();

/// Gives back to the system what was freed, so that private_bytes() counts what is in use.
void release_freed_memory();

}  // namespace accelerate

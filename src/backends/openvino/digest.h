#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/thread_pool.h"

namespace accelerate::openvino {

/// SHA-256 over the SHA-256 of each 4 MiB of the bytes, as 64 hexadecimal digits. The pool's threads take the pieces side by
/// side; the caller must not hold a place of it.
std::string digest_of(std::span<const std::byte> bytes, ThreadPool& threads);

}  // namespace accelerate::openvino

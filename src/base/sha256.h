#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace accelerate {

using Sha256 = std::array<unsigned char, 32>;

/// The SHA-256 of the bytes.
Sha256 sha256(std::span<const std::byte> bytes);

}  // namespace accelerate

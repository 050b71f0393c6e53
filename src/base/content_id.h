#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace accelerate {

/// The name that content has by itself: a CID of version 1 in base32, for raw bytes and their SHA-256, "bafkrei…", as IPFS gives
/// to a file of one block (multiformats/cid).
std::string content_id(std::span<const std::byte> bytes);
std::string content_id(std::string_view text);

}  // namespace accelerate

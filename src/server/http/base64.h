#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace accelerate::http {

/// The bytes as base64, with padding.
std::string base64(std::span<const std::byte> bytes);

/// The bytes that base64 with or without padding stands for; nothing where it is not that.
std::optional<std::string> base64_decoded(std::string_view text);

}  // namespace accelerate::http

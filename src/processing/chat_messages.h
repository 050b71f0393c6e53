#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/generation.h"

namespace accelerate {

/// The messages of a conversation from a JSON list of objects with "role" and "content", both texts; "content" may be null
/// beside other fields, which become ChatMessage::fields. Throws invalid_file, beginning with `source`, for anything else.
std::vector<ChatMessage> messages_of(const nlohmann::json& list, std::string_view source);

/// The same from a text. Throws as parse_json() does, too.
std::vector<ChatMessage> parse_messages(std::string_view text, std::string_view source);

}  // namespace accelerate

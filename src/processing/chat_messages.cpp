#include "processing/chat_messages.h"

#include <fmt/format.h>

#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

ChatMessage message_of(const Json& value, std::string_view place) {
  const auto refuse = [&](std::string_view field, std::string_view expected) {
    const auto found = value.find(field);
    throw Error(ErrorKind::invalid_file, fmt::format("{}: '{}' {}, expected {}", place, field,
                                                     found == value.end() ? "is missing" : "is " + excerpt(*found), expected));
  };
  if (!value.is_object())
    throw Error(ErrorKind::invalid_file, fmt::format("{}: is {}, expected a message, an object", place, excerpt(value)));
  const auto role = value.find("role");
  if (role == value.end() || !role->is_string() || role->get_ref<const std::string&>().empty()) refuse("role", R"(a text, such as "user")");
  const auto content = value.find("content");
  Json further = value;
  further.erase("role");
  further.erase("content");
  const bool is_null = content != value.end() && content->is_null() && !further.empty();
  if (!is_null && (content == value.end() || !content->is_string())) refuse("content", "a text");
  return {.role = *role,
          .content = is_null ? std::string() : content->get<std::string>(),
          .fields = further.empty() ? std::string() : further.dump()};
}

}  // namespace

std::vector<ChatMessage> messages_of(const Json& list, std::string_view source) {
  if (!list.is_array()) throw Error(ErrorKind::invalid_file, fmt::format("{}: is {}, expected a list of messages", source, excerpt(list)));
  std::vector<ChatMessage> messages;
  for (const Json& value : list) messages.push_back(message_of(value, fmt::format("{}: message {}", source, messages.size())));
  return messages;
}

std::vector<ChatMessage> parse_messages(std::string_view text, std::string_view source) {
  return messages_of(parse_json(text, source), source);
}

}  // namespace accelerate

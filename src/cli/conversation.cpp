#include "cli/conversation.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "processing/chat_messages.h"
#include "processing/chat_template.h"

namespace accelerate::cli {
namespace {

constexpr std::size_t most_bytes = std::size_t{64} << 20;

}  // namespace

void Conversation::set_system(const std::string& text) {
  std::erase_if(messages_, [](const ChatMessage& message) { return message.role == "system"; });
  if (!text.empty()) messages_.insert(messages_.begin(), {.role = "system", .content = text});
}

void Conversation::add(std::string role, std::string content) {
  messages_.push_back({.role = std::move(role), .content = std::move(content)});
}

bool Conversation::drop_answer() {
  if (!messages_.empty() && messages_.back().role == "assistant") messages_.pop_back();
  return !messages_.empty() && messages_.back().role == "user";
}

void Conversation::clear() {
  std::erase_if(messages_, [](const ChatMessage& message) { return message.role != "system"; });
}

Prompt Conversation::prompt() const {
  if (!raw_) return ChatPrompt{.messages = messages_};
  std::string text;
  for (const ChatMessage& message : messages_) {
    if (message.role == "user" && !text.empty()) text += '\n';
    text += message.content;
  }
  return text;
}

void Conversation::save(const std::filesystem::path& file) const {
  const std::string text = messages_json(messages_) + '\n';
  const std::array parts{std::as_bytes(std::span(text))};
  write_file_atomically(file, parts);
}

void Conversation::load(const std::filesystem::path& file) { messages_ = parse_messages(read_text_file(file, most_bytes), file.string()); }

}  // namespace accelerate::cli

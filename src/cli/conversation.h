#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ipfs_accelerate/generation.h"

namespace accelerate::cli {

/// What was said so far, by whoever sits at the terminal and by the model.
class Conversation {
 public:
  /// `raw`: the model goes on from what was said as it stands, without a chat template.
  explicit Conversation(bool raw) : raw_(raw) {}

  /// Takes the place of the system message before; empty: none.
  void set_system(const std::string& text);

  void add(std::string role, std::string content);

  /// Takes an answer at the end back; false where nothing was asked that could be answered again.
  bool drop_answer();

  /// Forgets all but the system message.
  void clear();

  /// What the model goes on from.
  Prompt prompt() const;

  /// Writes the messages as a JSON list. Throws as write_file_atomically() does.
  void save(const std::filesystem::path& file) const;

  /// Takes the place of everything by what save() wrote. Throws as reading the file and parse_messages() do, and changes
  /// nothing then.
  void load(const std::filesystem::path& file);

  const std::vector<ChatMessage>& messages() const { return messages_; }

 private:
  bool raw_;
  std::vector<ChatMessage> messages_;
};

}  // namespace accelerate::cli

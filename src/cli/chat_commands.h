#pragma once

#include <map>
#include <string>
#include <string_view>

#include "cli/conversation.h"
#include "cli/generation_flags.h"

namespace accelerate::cli {

/// What is to be done after a line that was typed.
enum class ChatStep { answer, wait, quit };

/// The lines of a conversation: messages, and commands that begin with "/".
class ChatCommands {
 public:
  /// Both outlive this.
  ChatCommands(Conversation& conversation, const GenerationFlags& flags) : conversation_(conversation), flags_(flags) {}

  /// Takes a line: adds a message to the conversation, or does as a command says; "//…" is a message that begins with "/".
  /// What a command has to tell is appended to `reply`. Throws invalid_argument for a command or option that is not known, and
  /// what reading and writing files throws; then nothing has changed.
  ChatStep take(std::string_view line, std::string& reply);

  /// The options of the next answer: those of the command line, changed by /set.
  GenerationOptions options() const { return options_of(settings_); }

 private:
  using Settings = std::map<std::string, std::string>;  ///< by a flag's name without dashes before it; empty: without a value

  ChatStep command(std::string_view name, std::string_view argument, std::string& reply);
  void set(std::string_view argument, std::string& reply);
  GenerationOptions options_of(const Settings& settings) const;

  Conversation& conversation_;
  const GenerationFlags& flags_;
  Settings settings_;
};

}  // namespace accelerate::cli

#include "cli/chat_commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "ipfs_accelerate/error.h"

namespace accelerate::cli {
namespace {

constexpr std::string_view help =
    "  /system TEXT      the message that tells the model how to answer; without TEXT there is none\n"
    "  /retry            another answer to the last message\n"
    "  /set NAME VALUE   an option of `generate`, such as temperature 0.7 or sample; /set alone lists them\n"
    "  /unset NAME       as it was\n"
    "  /clear            forget all but the system message\n"
    "  /save FILE        write the conversation, a JSON list of messages\n"
    "  /load FILE        go on with one that was saved\n"
    "  /quit             or Ctrl-D\n"
    "  //TEXT            a message that begins with /; a line that ends with \\ goes on in the next\n"
    "Ctrl-C stops an answer; a second one ends the program.\n";

constexpr std::string_view spaces = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(spaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(spaces) + 1 - begin);
}

/// The first word, and what follows it.
std::pair<std::string_view, std::string_view> split(std::string_view text) {
  const std::size_t end = std::min(text.find_first_of(spaces), text.size());
  return {text.substr(0, end), trimmed(text.substr(end))};
}

std::string file_of(std::string_view argument, std::string_view command) {
  if (argument.empty()) throw Error(ErrorKind::invalid_argument, fmt::format("/{}: no file is named, expected /{} FILE", command, command));
  return std::string(argument);
}

/// "top_p" and "--top-p" as "top-p".
std::string flag_name(std::string_view name) {
  name.remove_prefix(std::min(name.find_first_not_of('-'), name.size()));
  std::string flag(name);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

}  // namespace

ChatStep ChatCommands::take(std::string_view line, std::string& reply) {
  const std::string_view text = trimmed(line);
  if (text.empty()) return ChatStep::wait;
  if (!text.starts_with('/') || text.starts_with("//")) {
    conversation_.add("user", std::string(text.starts_with('/') ? text.substr(1) : text));
    return ChatStep::answer;
  }
  const auto [name, argument] = split(text.substr(1));
  return command(name, argument, reply);
}

ChatStep ChatCommands::command(std::string_view name, std::string_view argument, std::string& reply) {
  if (name == "quit" || name == "exit" || name == "bye") return ChatStep::quit;
  if (name == "retry") {
    if (!conversation_.drop_answer()) throw Error(ErrorKind::invalid_argument, "/retry: nothing was asked yet");
    return ChatStep::answer;
  }
  if (name == "help") {
    reply += help;
  } else if (name == "clear") {
    conversation_.clear();
  } else if (name == "system") {
    conversation_.set_system(std::string(argument));
  } else if (name == "save") {
    conversation_.save(file_of(argument, name));
    reply += fmt::format("{} messages in {}\n", conversation_.messages().size(), argument);
  } else if (name == "load") {
    conversation_.load(file_of(argument, name));
    reply += fmt::format("{} messages from {}\n", conversation_.messages().size(), argument);
  } else if (name == "set") {
    set(argument, reply);
  } else if (name == "unset") {
    if (settings_.erase(flag_name(argument)) == 0)
      throw Error(ErrorKind::invalid_argument, fmt::format("/unset: '{}' was not set", argument));
  } else {
    throw Error(ErrorKind::invalid_argument, fmt::format("command '/{}' is not known; /help lists those that are", name));
  }
  return ChatStep::wait;
}

void ChatCommands::set(std::string_view argument, std::string& reply) {
  if (argument.empty()) {
    for (const auto& [name, value] : settings_) reply += fmt::format("  {} {}\n", name, value);
    reply += fmt::format("can be set: {}\n", generation_flag_names());
    return;
  }
  const auto [name, value] = split(argument);
  Settings changed = settings_;
  const std::string flag = flag_name(name);
  if (flag == "sample") changed.erase("greedy");
  if (flag == "greedy") changed.erase("sample");
  changed[flag] = value;
  (void)options_of(changed);
  settings_ = std::move(changed);
}

GenerationOptions ChatCommands::options_of(const Settings& settings) const {
  GenerationFlags flags = flags_;
  if (settings.contains("sample")) flags.greedy = false;
  if (settings.contains("greedy")) flags.sample = false;
  parse_generation_flags(settings, flags);
  return generation_options(flags);
}

}  // namespace accelerate::cli

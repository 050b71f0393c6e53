#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/generation.h"
#include "processing/tokenizer_config.h"

struct templates_ffi_template;

namespace accelerate {

/// A conversation and what else a template reads. The texts are JSON, whose objects keep the order of their keys.
struct ChatInput {
  std::string_view messages;            ///< a list of objects with at least "role"
  std::string_view tools = "null";      ///< a list of function schemas, or null
  std::string_view documents = "null";  ///< a list of objects with "title" and "text", or null
  std::string_view variables = "{}";    ///< further variables by name: {"enable_thinking": false}
  bool add_generation_prompt = true;    ///< the text ends where the assistant's answer begins
  std::string_view name = "";           ///< of the template; empty: "tool_use" where there are tools and one so called, else "default"
  std::chrono::system_clock::time_point now = std::chrono::system_clock::now();  ///< what strftime_now tells, in local time
};

/// The messages as the JSON list that ChatInput takes. Throws invalid_argument for fields that are no JSON object, or that
/// name a field twice.
std::string messages_json(std::span<const ChatMessage> messages);

/// The chat templates of a model folder, rendered as transformers' apply_chat_template does. They read no files, and their
/// work and the length of the text are bounded. Threads may share one.
class ChatTemplates {
 public:
  /// Reads chat_template.jinja and additional_chat_templates/NAME.jinja, else chat_template.json, else "chat_template" of
  /// tokenizer_config.json: one template, or a list of them with names; or the one of a GGUF file. Empty where there is none. Throws
  /// invalid_file naming the file, and the line where a template is wrong.
  static ChatTemplates load(const std::filesystem::path& folder);

  /// One template, which messages call `source`.
  static ChatTemplates parse(std::string_view text, const std::string& source);

  bool empty() const { return templates_.empty(); }

  /// The names that ChatInput::name may have.
  std::vector<std::string> names() const;

  /// The text of a conversation; special tokens of `config` are variables by the names of their fields: bos_token, …
  /// Throws invalid_argument when there is no such template, for JSON that is not as ChatInput says, and, naming template and
  /// line, for what a template refuses.
  std::string render(const ChatInput& input, const TokenizerConfig& config) const;

 private:
  struct Free {
    void operator()(templates_ffi_template* opened) const;
  };
  struct Entry {
    std::string source;  // the file, and the name inside it
    std::shared_ptr<templates_ffi_template> opened;
  };

  void add(const std::string& name, std::string_view text, const std::string& source);
  const Entry& chosen(const ChatInput& input) const;

  std::map<std::string, Entry, std::less<>> templates_;
};

}  // namespace accelerate

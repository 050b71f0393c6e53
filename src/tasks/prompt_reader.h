#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ipfs_accelerate/generation.h"
#include "processing/chat_template.h"
#include "processing/tokenizer.h"
#include "runtime/model_folder.h"

namespace accelerate {

/// Makes the tokens of prompts with a folder's tokenizer and chat template. Threads may share one.
class PromptReader {
 public:
  /// `tokenizer` is null where the folder has none, and outlives this. Throws as ChatTemplates::load does.
  PromptReader(const ModelFolder& folder, const Tokenizer* tokenizer);

  bool has_chat_template() const { return !templates_.empty(); }

  /// The text that the chat template makes of the conversation. Throws unsupported where there is none, and as
  /// ChatTemplates::render does.
  std::string render(const ChatPrompt& prompt) const;

  /// The tokens of a prompt: a text with those that the tokenizer adds around it, a conversation as its template writes it.
  /// Throws not_found for words where there is no tokenizer.
  std::vector<std::int64_t> tokens(const Prompt& prompt) const;

 private:
  const Tokenizer& tokenizer() const;
  std::vector<std::int64_t> encode(const std::string& text, bool add_special_tokens) const;

  std::string folder_;
  const Tokenizer* tokenizer_;
  ChatTemplates templates_;
};

}  // namespace accelerate

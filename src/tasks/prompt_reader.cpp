#include "tasks/prompt_reader.h"

#include <fmt/format.h>

#include "ipfs_accelerate/error.h"

namespace accelerate {

PromptReader::PromptReader(const ModelFolder& folder, const Tokenizer* tokenizer)
    : folder_(folder.path.string()),
      tokenizer_(tokenizer),
      templates_(tokenizer != nullptr ? ChatTemplates::load(folder.transformer) : ChatTemplates()) {}

std::string PromptReader::render(const ChatPrompt& prompt) const {
  const TokenizerConfig& config = tokenizer().config();
  if (templates_.empty())
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: has no chat template, which conversations need; it goes on from plain text", folder_));
  const std::string messages = messages_json(prompt.messages);
  return templates_.render(
      {.messages = messages, .tools = prompt.tools, .variables = prompt.variables, .add_generation_prompt = prompt.add_generation_prompt},
      config);
}

std::vector<std::int64_t> PromptReader::tokens(const Prompt& prompt) const {
  if (const auto* ids = std::get_if<std::vector<std::int64_t>>(&prompt)) return *ids;
  if (const auto* text = std::get_if<std::string>(&prompt)) return encode(*text, true);
  return encode(render(std::get<ChatPrompt>(prompt)), false);  // the template writes special tokens itself
}

const Tokenizer& PromptReader::tokenizer() const {
  if (tokenizer_ == nullptr) throw Error(ErrorKind::not_found, fmt::format("{}: has no tokenizer, which text needs", folder_));
  return *tokenizer_;
}

std::vector<std::int64_t> PromptReader::encode(const std::string& text, bool add_special_tokens) const {
  const TextInput input{.text = text};
  return tokenizer().encode(std::span(&input, 1), {.add_special_tokens = add_special_tokens}).ids;
}

}  // namespace accelerate

// Texts that go on, many at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/generation.h"
#include "ipfs_accelerate/model.h"

namespace accelerate {

/// What a prompt gave.
struct GenerateResult {
  std::vector<GeneratedText> texts;     ///< num_return_sequences of them, the best first
  std::int64_t prompt_tokens = 0;       ///< that the text went on from
  std::int64_t generated_tokens = 0;    ///< of all texts together
  std::vector<std::string> notes = {};  ///< what a reader must know of how it came about; mostly none

  /// The best text.
  const std::string& text() const { return texts.front().text; }
};

/// A text that comes piece by piece, for whoever wants to ask for the pieces. Its functions may be called by several threads at
/// once. The text is cancelled when the last copy is gone.
class GenerateStream {
 public:
  /// The next piece, whole characters; waits for it. Empty once the text has ended. Of several texts, pieces of the first; a
  /// beam search has one piece, its best text. Throws what went wrong, as LanguageModel::generate does.
  std::string next();

  /// Ends the text where it stands, within one step of the model; pieces that are there already still come.
  void cancel();

  /// Waits for the end and gives all of it, pieces that next() gave included. Throws as next() does.
  GenerateResult result();

 private:
  friend class LanguageModel;
  class State;
  explicit GenerateStream(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

/// A Hugging Face model folder with a language model, loaded and ready: a causal one, which goes on with its prompts, or an encoder and a
/// decoder, which answers them. Cheap to copy: copies share the model. Threads may use one at once: their texts share each step of the
/// model, and what their prompts have in common is computed once.
class LanguageModel {
 public:
  /// Loads `folder`. Throws as Model::load does, unsupported for a model that neither continues nor answers texts.
  static LanguageModel load(const std::filesystem::path& folder, const LoadOptions& options = {});

  /// Goes on from the prompt until the text ends. `receive` is told of each piece as it comes, on a thread of the model, which
  /// it must not keep waiting; when it returns false the text ends there, as cancelled. Throws invalid_argument for a prompt
  /// without tokens or with more than the model reads and for options out of their range, out_of_memory for a text that
  /// could never fit `LoadOptions::state_bytes`, unsupported for a conversation where the folder has no chat template, and
  /// what `receive` throws.
  GenerateResult generate(const Prompt& prompt, const GenerationOptions& options = {}, ReceiveText receive = {}) const;

  /// Goes on from all prompts at once; the results keep their order. The i-th draws as number i of the seed. Throws as for one;
  /// then none goes on.
  std::vector<GenerateResult> generate(std::span<const Prompt> prompts, const GenerationOptions& options = {}) const;

  /// Begins to go on from the prompt and returns at once. Throws as generate() does for what is wrong with prompt and options.
  GenerateStream stream(const Prompt& prompt, const GenerationOptions& options = {}) const;

  /// The text that the folder's chat template makes of a conversation. Throws unsupported where it has none, invalid_argument
  /// for what the template refuses.
  std::string render(const ChatPrompt& prompt) const;

  /// The prompt's tokens, as the model reads them.
  std::vector<std::int64_t> tokens(const Prompt& prompt) const;

  /// Whether the folder has a chat template, which conversations need.
  bool has_chat_template() const;

  const ModelInfo& info() const;

 private:
  friend class GenerateStream;
  class State;
  explicit LanguageModel(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

}  // namespace accelerate

#pragma once

#include <string>
#include <vector>

#include "runtime/batches.h"
#include "tasks/generate.h"
#include "tasks/task.h"

namespace accelerate {

struct WriteOptions {
  Task task = Task::generate;        ///< generate, translate or summarize
  std::string source_language = {};  ///< of translate, as the model writes it: "en" of T5, "en_XX" of mBART
  std::string target_language = {};
  bool truncate = true;  ///< cut texts that are too long; otherwise they are an error
  GenerationOptions generation = {};
};

/// What a model with an encoder wrote for a text.
struct WrittenText {
  std::string text;
  std::int64_t prompt_tokens = 0;
  std::int64_t tokens = 0;  ///< of the text that was written
  bool truncated = false;
  FinishReason finish_reason = FinishReason::none;
};

/// A model folder that writes a text for each that it reads. Its config.json says how a task is done ("task_specific_params"): by
/// which words before a text, and by which options of generation where the caller leaves them open.
class TextWriter {
 public:
  /// Throws as TextGenerator does.
  TextWriter(const ModelFolder& folder, const GenerationSessionOptions& options);

  const GenerationSession& session() const { return generator_.session(); }

  /// What a reader of every answer must know; mostly nothing.
  const std::vector<std::string>& notes() const { return notes_; }

  /// A text for each of `texts`. Throws invalid_argument for languages that the model does not have, texts that are too long, and as
  /// TextGenerator::submit.
  std::vector<WrittenText> write(std::span<const std::string> texts, const WriteOptions& options = {}, const Progress& progress = {});

 private:
  TextGenerator generator_;
  std::vector<std::string> notes_;
};

}  // namespace accelerate

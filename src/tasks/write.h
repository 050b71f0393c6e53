#pragma once

#include <optional>
#include <string>

#include "tasks/generate.h"
#include "tasks/task.h"

namespace accelerate {

struct WriteOptions {
  Task task = Task::translate;       ///< or summarize
  std::string source_language = {};  ///< of translate, as the model writes it: "en" of T5, "en_XX" of mBART
  std::string target_language = {};
  bool truncate = true;  ///< cut texts that are too long; otherwise they are an error
  GenerationOptions generation = {};
};

/// A text that is to be answered.
struct TextToAnswer {
  GenerationRequest request;
  bool truncated = false;  ///< it was too long, and its end is not read
};

/// How a model with an encoder translates or summarizes texts. Its config.json tells ("task_specific_params"): by which words before a
/// text, and by which options of generation where the caller leaves them open.
class TextWriter {
 public:
  /// `generator` outlives this. Throws unsupported for a model without encoder, invalid_argument for languages that it does not have.
  TextWriter(const TextGenerator& generator, const WriteOptions& options);

  /// The request that answers the text. Throws invalid_argument for one that is too long and may not be cut.
  TextToAnswer prepare(const std::string& text) const;

 private:
  const TextGenerator& generator_;
  bool truncate_;
  std::string prefix_;                           ///< before each text
  std::optional<std::int64_t> source_language_;  ///< the token that stands for it in each text
  GenerationOptions generation_;
};

}  // namespace accelerate

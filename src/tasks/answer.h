#pragma once

#include <span>
#include <string>
#include <vector>

#include "tasks/text_model.h"

namespace accelerate {

struct Question {
  std::string question;
  std::string context;  ///< the text to find the answer in
};

struct Answer {
  std::string text;  ///< as it stands in the context
  float score;       ///< probability of its first token times that of its last
  TextSpan span;     ///< Unicode characters of the context
  std::int64_t tokens = 0;
  std::vector<std::string> notes = {};  ///< what its reader must know of how it came about (Session::run)
};

/// Finds answers in texts (transformers' question-answering pipeline). A context that is too long is read in parts that
/// overlap, and the part with the best answer counts, so nothing is cut off.
class Answerer {
 public:
  explicit Answerer(const ModelFolder& folder, const SessionOptions& options = {});

  const TextModel& model() const { return model_; }

  /// The best answer to each question. Throws invalid_argument, with the number of the input, for an empty context and for a
  /// question that leaves no room for its context.
  std::vector<Answer> answer(std::span<const Question> questions, const Progress& progress = {}) const;

 private:
  struct Part;
  std::vector<Part> parts_of(std::span<const Question> questions) const;

  TextModel model_;
};

/// The span of tokens [first, last] with the largest start[first] · end[last], among those that begin and end where
/// `allowed` is not 0 and have at most `most_tokens`.
struct AnswerTokens {
  std::size_t first = 0;
  std::size_t last = 0;
  float score = 0;
};
AnswerTokens best_answer(std::span<const float> start_logits, std::span<const float> end_logits, std::span<const std::uint8_t> allowed,
                         std::size_t most_tokens);

}  // namespace accelerate

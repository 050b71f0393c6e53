#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ipfs_accelerate/tasks.h"
#include "tasks/text_model.h"

namespace accelerate {

/// Finds answers in texts (transformers' question-answering pipeline). A context that is too long is read in parts that
/// overlap, and the part with the best answer counts, so nothing is cut off.
class Answerer {
 public:
  explicit Answerer(const ModelFolder& folder, const SessionOptions& options = {})
      : Answerer(std::make_shared<const Session>(folder, options)) {}
  explicit Answerer(std::shared_ptr<const Session> session);

  const TextModel& model() const { return model_; }

  /// The best answer to each question. Throws invalid_argument, with the number of the input, for an empty context and for a
  /// question that leaves no room for its context.
  std::vector<Answer> answer(std::span<const Question> questions, const Progress& progress = {}) const {
    return model_.run(prepare(questions), progress);
  }

  /// The questions as tokens, to be computed by whoever runs batches; throws as answer() does.
  PreparedCall<std::vector<Answer>> prepare(std::span<const Question> questions) const;

 private:
  struct Part;
  struct Work;
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

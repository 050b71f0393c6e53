#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ipfs_accelerate/tasks.h"
#include "tasks/text_model.h"

namespace accelerate {

/// Whether a model with these labels judges if a hypothesis follows from a text.
bool knows_entailment(std::span<const std::string> labels);

/// Tells which of the caller's labels fit a text, by a model that judges whether a hypothesis follows from it (transformers'
/// zero-shot-classification pipeline). The label that stands for "it follows" is the first that begins with "entail".
class ZeroShotClassifier {
 public:
  /// Throws as TextModel does, and unsupported where no label of the model begins with "entail".
  explicit ZeroShotClassifier(const ModelFolder& folder, const SessionOptions& options = {})
      : ZeroShotClassifier(std::make_shared<const Session>(folder, options)) {}
  explicit ZeroShotClassifier(std::shared_ptr<const Session> session);

  const TextModel& model() const { return model_; }

  /// Each text's labels, the best first. Throws invalid_argument without labels, and for a hypothesis without {}.
  std::vector<Classification> classify(std::span<const std::string> texts, const ZeroShotOptions& options,
                                       const Progress& progress = {}) const {
    return model_.run(prepare(texts, options), progress);
  }

  /// The pairs of text and hypothesis as tokens, to be computed by whoever runs batches; throws as classify() does.
  PreparedCall<std::vector<Classification>> prepare(std::span<const std::string> texts, const ZeroShotOptions& options) const;

 private:
  struct Work;

  TextModel model_;
  std::size_t entailment_;     ///< its place among the logits
  std::size_t contradiction_;  ///< that of what is weighed against it where labels are scored one by one
};

}  // namespace accelerate

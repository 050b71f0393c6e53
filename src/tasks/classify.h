#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ipfs_accelerate/tasks.h"
#include "tasks/text_model.h"

namespace accelerate {

/// Scores texts, or pairs of texts, for each label of the model (transformers' text-classification pipeline).
///
/// Scores are probabilities: of one label among all, or of each by itself where config.json's problem_type is
/// multi_label_classification. A regression's scores are the model's numbers as they are.
class Classifier {
 public:
  explicit Classifier(const ModelFolder& folder, const SessionOptions& options = {})
      : Classifier(std::make_shared<const Session>(folder, options)) {}
  explicit Classifier(std::shared_ptr<const Session> session);

  const TextModel& model() const { return model_; }

  /// The `top_k` best labels of each input; all where it is 0.
  std::vector<Classification> classify(std::span<const TextInput> inputs, std::size_t top_k = 0, const TextOptions& options = {},
                                       const Progress& progress = {}) const {
    return model_.run(prepare(inputs, top_k, options), progress);
  }

  /// The inputs as tokens, to be computed by whoever runs batches.
  PreparedCall<std::vector<Classification>> prepare(std::span<const TextInput> inputs, std::size_t top_k = 0,
                                                    const TextOptions& options = {}) const;

 private:
  enum class Scoring { softmax, sigmoid, none };
  static Scoring scoring_of(const Config& config, std::size_t labels);

  TextModel model_;
  std::vector<std::string> labels_;
  Scoring scoring_;
};

}  // namespace accelerate

#pragma once

#include <span>
#include <string>
#include <vector>

#include "tasks/text_model.h"

namespace accelerate {

struct LabelScore {
  std::string label;  ///< of config.json's id2label
  float score;
};

/// A text's labels, the best first.
struct Classification {
  std::vector<LabelScore> labels;
  std::int64_t tokens = 0;
  bool truncated = false;
  std::vector<std::string> notes = {};  ///< what its reader must know of how it came about (Session::run)
};

/// Scores texts, or pairs of texts, for each label of the model (transformers' text-classification pipeline).
///
/// Scores are probabilities: of one label among all, or of each by itself where config.json's problem_type is
/// multi_label_classification. A regression's scores are the model's numbers as they are.
class Classifier {
 public:
  explicit Classifier(const ModelFolder& folder, const SessionOptions& options = {});

  const TextModel& model() const { return model_; }

  /// The `top_k` best labels of each input; all where it is 0.
  std::vector<Classification> classify(std::span<const TextInput> inputs, std::size_t top_k = 0, const TextOptions& options = {},
                                       const Progress& progress = {}) const;

 private:
  enum class Scoring { softmax, sigmoid, none };
  static Scoring scoring_of(const Config& config, std::size_t labels);

  TextModel model_;
  std::vector<std::string> labels_;
  Scoring scoring_;
};

}  // namespace accelerate

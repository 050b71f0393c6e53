#include "tasks/classify.h"

#include <algorithm>

#include "tasks/scores.h"

namespace accelerate {

Classifier::Classifier(std::shared_ptr<const Session> session)
    : model_(session), labels_(session->folder().config.labels()), scoring_(scoring_of(session->folder().config, labels_.size())) {}

Classifier::Scoring Classifier::scoring_of(const Config& config, std::size_t labels) {
  const std::string type = config.text_or("problem_type", "");
  if (type == "regression") return Scoring::none;
  if (type == "multi_label_classification" || (type.empty() && labels == 1)) return Scoring::sigmoid;
  if (type.empty() || type == "single_label_classification") return Scoring::softmax;
  config.refuse("problem_type", "regression, single_label_classification or multi_label_classification");
}

PreparedCall<std::vector<Classification>> Classifier::prepare(std::span<const TextInput> inputs, std::size_t top_k,
                                                              const TextOptions& options) const {
  const auto results = std::make_shared<std::vector<Classification>>(inputs.size());
  const auto read = [this, results, top_k](const BatchResult& batch) {
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      const std::span<const float> logits = batch.row("logits", i);
      std::vector<float> scores(logits.begin(), logits.end());
      if (scoring_ == Scoring::softmax) scores = softmax(logits);
      if (scoring_ == Scoring::sigmoid) std::ranges::transform(scores, scores.begin(), sigmoid);

      Classification& result = (*results)[batch.inputs[i]];
      result.truncated = batch.encodings.truncated[i] != 0;
      result.notes = batch.notes;
      result.tokens = batch.encodings.begins[i + 1] - batch.encodings.begins[i];
      for (std::size_t label : largest(scores, top_k == 0 ? scores.size() : top_k))
        result.labels.push_back({labels_.at(label), scores[label]});
    }
  };
  return {.call = {.encodings = model_.encode(inputs, options), .receive = read}, .answer = [results] { return std::move(*results); }};
}

}  // namespace accelerate

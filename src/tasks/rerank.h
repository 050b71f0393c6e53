#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/functions.h"
#include "ipfs_accelerate/tasks.h"
#include "tasks/text_model.h"

namespace accelerate {

/// A query and the documents that may answer it.
struct RankInput {
  std::string query;
  std::vector<std::string> documents;
};

/// Ranks documents by how well they answer a query, reading each together with it (sentence_transformers' CrossEncoder).
///
/// A score is the model's one number after the function that the folder names: in config_sentence_transformers.json's
/// activation_fn, or in config.json's sentence_transformers.activation_fn or sbert_ce_default_activation_function; else its
/// sigmoid. The folder's default prompt stands before the query.
class Reranker {
 public:
  /// Throws as TextModel does, and unsupported where the model has several labels.
  explicit Reranker(const ModelFolder& folder, const SessionOptions& options = {})
      : Reranker(std::make_shared<const Session>(folder, options)) {}
  explicit Reranker(std::shared_ptr<const Session> session);

  const TextModel& model() const { return model_; }

  /// Each query's documents. Throws invalid_argument, with the number of the input, for a query without documents.
  std::vector<Ranking> rank(std::span<const RankInput> inputs, const RankOptions& options = {}, const Progress& progress = {}) const {
    return model_.run(prepare(inputs, options), progress);
  }

  /// The pairs of query and document as tokens, to be computed by whoever runs batches; throws as rank() does.
  PreparedCall<std::vector<Ranking>> prepare(std::span<const RankInput> inputs, const RankOptions& options = {}) const;

 private:
  struct Settings {
    std::optional<UnaryFunction> activation = UnaryFunction::sigmoid;
    std::optional<std::int64_t> most_tokens = {};
    std::string prompt = {};
  };
  Reranker(std::shared_ptr<const Session> session, Settings settings);
  static Settings settings_of(const ModelFolder& folder);
  struct Work;

  TextModel model_;
  Settings settings_;
};

}  // namespace accelerate

#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/tasks.h"
#include "tasks/text_model.h"

namespace accelerate {

/// The strategy of that name: "none", "simple", "first", "average" or "max". Throws invalid_argument for another.
Aggregation aggregation_named(std::string_view name);

/// Finds the entities of texts: each token, or each word as `aggregation` says, gets its likeliest label, and neighbours of one
/// label become an entity, which a "B-" label begins anew (transformers' token-classification pipeline). "O" is no entity.
class Tagger {
 public:
  explicit Tagger(const ModelFolder& folder, const SessionOptions& options = {})
      : Tagger(std::make_shared<const Session>(folder, options)) {}
  explicit Tagger(std::shared_ptr<const Session> session);

  const TextModel& model() const { return model_; }

  std::vector<TaggedText> tag(std::span<const std::string> texts, const TagOptions& options = {}, const Progress& progress = {}) const {
    return model_.run(prepare(texts, options), progress);
  }

  /// The texts as tokens, to be computed by whoever runs batches.
  PreparedCall<std::vector<TaggedText>> prepare(std::span<const std::string> texts, const TagOptions& options = {}) const;

 private:
  bool continues_word(std::string_view text, std::int64_t id, TextSpan span) const;

  TextModel model_;
  std::vector<std::string> labels_;
};

/// What a model says of one token of a text.
struct TokenScores {
  std::vector<float> scores;    ///< the probability of each label
  TextSpan span;                ///< bytes
  bool continues_word = false;  ///< whether the token belongs to the word of the one before
};

/// The entities that the tokens of a text, in order, make up.
std::vector<Entity> entities_of(std::string_view text, std::span<const TokenScores> tokens, std::span<const std::string> labels,
                                Aggregation aggregation);

}  // namespace accelerate

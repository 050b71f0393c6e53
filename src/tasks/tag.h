#pragma once

#include <span>
#include <string>
#include <vector>

#include "tasks/text_model.h"

namespace accelerate {

/// Neighbouring tokens of one kind.
struct Entity {
  std::string label;  ///< without "B-" or "I-"
  std::string text;   ///< as it stands in the input
  float score;        ///< mean of its tokens' probabilities
  TextSpan span;      ///< Unicode characters of the input
};

struct TaggedText {
  std::vector<Entity> entities;
  std::int64_t tokens = 0;
  bool truncated = false;
  std::vector<std::string> notes = {};  ///< what its reader must know of how it came about (Session::run)
};

/// Finds the entities of texts: each token gets its likeliest label, and neighbours of one label become an entity, which a
/// "B-" label begins anew (transformers' token-classification pipeline with the "simple" strategy). "O" is no entity.
class Tagger {
 public:
  explicit Tagger(const ModelFolder& folder, const SessionOptions& options = {});

  const TextModel& model() const { return model_; }

  std::vector<TaggedText> tag(std::span<const std::string> texts, const TextOptions& options = {}, const Progress& progress = {}) const;

 private:
  TextModel model_;
  std::vector<std::string> labels_;
};

/// The best label of one token of a text.
struct TokenLabel {
  std::string_view label;
  float score;
  TextSpan span;  ///< bytes
};

/// The entities that the labels of a text's tokens, in order, make up.
std::vector<Entity> entities_of(std::string_view text, std::span<const TokenLabel> tokens);

}  // namespace accelerate

#pragma once

#include <span>
#include <string>
#include <vector>

#include "tasks/text_model.h"

namespace accelerate {

/// A token that may stand at a mask.
struct MaskCandidate {
  std::int64_t token_id;
  std::string token;  ///< as it reads: "paris"
  float score;        ///< its probability
};

/// What may stand at each mask of a text, the likeliest first.
struct FilledMasks {
  std::vector<std::vector<MaskCandidate>> masks;
  std::int64_t tokens = 0;
  bool truncated = false;
  std::vector<std::string> notes = {};  ///< what its reader must know of how it came about (Session::run)
};

/// Guesses masked tokens (transformers' fill-mask pipeline).
class MaskFiller {
 public:
  /// Throws as TextModel does, and invalid_file when the tokenizer has no mask token.
  explicit MaskFiller(const ModelFolder& folder, const SessionOptions& options = {});

  const TextModel& model() const { return model_; }

  /// The mask token, as texts must write it: "[MASK]".
  const std::string& mask_token() const { return mask_token_; }

  /// The `top_k` likeliest tokens of each mask. Throws invalid_argument for a text that has no mask, or none in the part that
  /// was read.
  std::vector<FilledMasks> fill(std::span<const std::string> texts, std::size_t top_k = 5, const TextOptions& options = {},
                                const Progress& progress = {}) const;

 private:
  TextModel model_;
  std::int64_t mask_id_;
  std::string mask_token_;
};

}  // namespace accelerate

#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ipfs_accelerate/tasks.h"
#include "tasks/text_model.h"

namespace accelerate {

/// Guesses masked tokens (transformers' fill-mask pipeline).
class MaskFiller {
 public:
  /// Throws as TextModel does, and invalid_file when the tokenizer has no mask token.
  explicit MaskFiller(const ModelFolder& folder, const SessionOptions& options = {})
      : MaskFiller(std::make_shared<const Session>(folder, options)) {}
  explicit MaskFiller(std::shared_ptr<const Session> session);

  const TextModel& model() const { return model_; }

  /// The mask token, as texts must write it: "[MASK]".
  const std::string& mask_token() const { return mask_token_; }

  /// The `top_k` likeliest tokens of each mask. Throws invalid_argument for a text that has no mask, or none in the part that
  /// was read.
  std::vector<FilledMasks> fill(std::span<const std::string> texts, std::size_t top_k = 5, const TextOptions& options = {},
                                const Progress& progress = {}) const {
    return model_.run(prepare(texts, top_k, options), progress);
  }

  /// The texts as tokens, to be computed by whoever runs batches; throws as fill() does.
  PreparedCall<std::vector<FilledMasks>> prepare(std::span<const std::string> texts, std::size_t top_k = 5,
                                                 const TextOptions& options = {}) const;

 private:
  TextModel model_;
  std::int64_t mask_id_;
  std::string mask_token_;
};

}  // namespace accelerate

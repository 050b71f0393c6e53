#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/sentence_transformers.h"
#include "tasks/text_model.h"

namespace accelerate {

/// The embeddings of some texts, in their order.
struct Embeddings {
  Tensor values;                                ///< float32 [texts, dimensions]
  std::vector<std::int64_t> tokens;             ///< of each text
  std::vector<bool> truncated;                  ///< whether the text was too long and its end was not read
  std::vector<std::vector<std::string>> notes;  ///< of each text: what its reader must know (Session::run)

  std::span<const float> operator[](std::size_t text) const;
};

/// Turns texts into vectors whose angles say how alike the texts are.
///
/// A sentence-transformers folder is followed to the letter: pooling, normalisation, greatest length, default prompt. Other
/// folders give the mean of the last hidden states, not normalised.
class Embedder {
 public:
  /// Throws as TextModel does, and unsupported for sentence-transformers settings that this library has not.
  explicit Embedder(const ModelFolder& folder, const SessionOptions& options = {});

  const TextModel& model() const { return model_; }

  /// Numbers in an embedding.
  std::int64_t dimensions() const { return dimensions_; }

  Embeddings embed(std::span<const std::string> texts, const TextOptions& options = {}, const Progress& progress = {}) const;

 private:
  explicit Embedder(const ModelFolder& folder, const SessionOptions& options, std::optional<SentenceTransformer> sentence);

  TextModel model_;
  std::string prompt_;
  std::int64_t dimensions_;
};

/// The options of a session whose graph makes embeddings, as the folder says.
SessionOptions embedding_session(const ModelFolder& folder, SessionOptions options);

/// The cosine of the angle between a and b; 0 where one is all zeros.
float cosine(std::span<const float> a, std::span<const float> b);

}  // namespace accelerate

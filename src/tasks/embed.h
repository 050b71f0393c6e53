#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/sentence_transformers.h"
#include "ipfs_accelerate/model.h"
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

/// The embeddings as the public interface gives them.
EmbedResult result_of(Embeddings embeddings);

/// How texts are read, and which part of their embeddings is wanted.
struct EmbeddingOptions {
  bool truncate = true;                         ///< cut texts that are too long; otherwise they are an error
  std::optional<std::string> prompt_name = {};  ///< which of the folder's prompts stands before each text
  std::optional<std::string> prompt = {};       ///< the prompt itself; "" is none, also where the folder has a default
  std::optional<std::int64_t> dimensions = {};  ///< numbers that are kept, from the first, instead of the folder's
};

/// Turns texts into vectors whose angles say how alike the texts are.
///
/// A sentence-transformers folder is followed to the letter: pooling and the layers after it, greatest length, prompts,
/// truncated dimensions. Other folders give the mean of the last hidden states, not normalised. Where the folder normalises,
/// so is what truncation leaves (sentence_transformers does that when it is asked to normalise).
class Embedder {
 public:
  /// Throws as TextModel does, and unsupported for sentence-transformers settings that this library has not.
  explicit Embedder(const ModelFolder& folder, const SessionOptions& options = {});

  const TextModel& model() const { return model_; }

  /// Numbers in an embedding before any truncation.
  std::int64_t dimensions() const { return dimensions_; }

  /// Throws invalid_argument for options that do not go together or ask for what the folder has not, and as
  /// TextModel::encode does.
  Embeddings embed(std::span<const std::string> texts, const EmbeddingOptions& options = {}, const Progress& progress = {}) const {
    return model_.run(prepare(texts, options), progress);
  }

  /// The texts as tokens, to be computed by whoever runs batches; what embed() throws before it computes.
  PreparedCall<Embeddings> prepare(std::span<const std::string> texts, const EmbeddingOptions& options = {}) const;

 private:
  explicit Embedder(const ModelFolder& folder, const SessionOptions& options, std::optional<SentenceTransformer> sentence);

  std::string prompt_of(const EmbeddingOptions& options) const;
  std::int64_t kept_dimensions(const EmbeddingOptions& options) const;
  std::int64_t tokens_left_out(const std::string& prompt) const;

  SentenceTransformer sentence_;
  TextModel model_;
  std::int64_t dimensions_;
};

/// The options of a session whose graph makes embeddings, as the folder says.
SessionOptions embedding_session(const ModelFolder& folder, SessionOptions options);

/// The cosine of the angle between a and b; 0 where one is all zeros.
float cosine(std::span<const float> a, std::span<const float> b);

}  // namespace accelerate

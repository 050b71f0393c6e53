#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/functions.h"
#include "formats/config.h"

namespace accelerate {

/// How the vectors of a sentence's tokens become one, as sentence_transformers' Pooling defines it.
enum class PoolingMode : std::uint8_t {
  cls,  ///< the first token's
  max,  ///< the largest of each feature
  mean,
  mean_sqrt_length,  ///< the sum divided by √tokens
  weighted_mean,     ///< token i (from 1) weighs i
  last_token,
};

/// The mode's name in newer Pooling files: "cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken".
std::string_view name_of(PoolingMode mode);

/// A Pooling module's settings.
struct PoolingSettings {
  std::vector<PoolingMode> modes{PoolingMode::mean};  ///< the results stand one after the other in the embedding; never empty
  std::int64_t dimension = 0;                         ///< features of a token
  bool include_prompt = true;                         ///< whether the prompt's tokens count
};

/// Reads a Pooling module's config.json, of old ("pooling_mode_mean_tokens": true) and new ("pooling_mode": "mean") form.
PoolingSettings parse_pooling(const Config& config);

/// A Dense module's settings: activation(x · weightᵀ + bias), with x added where `residual` says so, itself projected by a
/// weight of its own where the sizes differ.
struct DenseSettings {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  bool bias = true;
  std::optional<UnaryFunction> activation = UnaryFunction::tanh;
  bool residual = false;
};

/// Reads a Dense module's config.json. Throws unsupported for an activation that this library has not, and for a layer on
/// anything but the sentence's embedding.
DenseSettings parse_dense(const Config& config);

/// One line of modules.json.
struct SentenceModule {
  enum class Kind : std::uint8_t { transformer, pooling, dense, layer_norm, normalize, dropout };
  Kind kind;
  std::string path;  ///< its folder inside the model's; empty for the model's own
};

/// Reads a modules.json: a transformer, then a pooling, then any number of layers on the embedding; or a transformer alone,
/// as cross-encoders are saved. Throws unsupported, naming it, for a module of another class, and invalid_file for another
/// order or a path that leaves the folder.
std::vector<SentenceModule> parse_modules(std::string_view text, const std::string& source);

/// What becomes of an embedding after the pooling: a dense, layer_norm or normalize module.
struct EmbeddingLayer {
  SentenceModule::Kind kind;
  std::string path = {};            ///< its folder inside the model's, where its weights are
  DenseSettings dense = {};         ///< of a dense module
  std::int64_t norm_dimension = 0;  ///< of a layer_norm module
};

/// What a sentence-transformers folder adds to its transformer model.
struct SentenceTransformer {
  std::filesystem::path transformer_folder;  ///< where the model's config.json and weights are
  PoolingSettings pooling;
  std::vector<EmbeddingLayer> layers;                       ///< in the order in which they run
  std::optional<std::int64_t> max_seq_length;               ///< tokens, special ones included, after which texts are cut
  bool do_lower_case = false;                               ///< whether texts are lowered before the tokenizer
  std::map<std::string, std::string, std::less<>> prompts;  ///< texts to put before the input, by name
  std::optional<std::string> default_prompt_name;
  std::optional<std::int64_t> truncate_dimensions;  ///< numbers of an embedding that are kept, from the first

  /// Whether embeddings are scaled to length 1 in the end.
  bool normalizes() const { return !layers.empty() && layers.back().kind == SentenceModule::Kind::normalize; }
};

/// Reads modules.json and what it leads to; nothing when `folder` has no modules.json.
std::optional<SentenceTransformer> read_sentence_transformer(const std::filesystem::path& folder);

}  // namespace accelerate

#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  std::vector<PoolingMode> modes;  ///< the results stand one after the other in the embedding; never empty
  std::int64_t dimension = 0;      ///< features of a token
  bool include_prompt = true;      ///< whether the prompt's tokens count
};

/// Reads a Pooling module's config.json, of old ("pooling_mode_mean_tokens": true) and new ("pooling_mode": "mean") form.
PoolingSettings parse_pooling(const Config& config);

/// One line of modules.json.
struct SentenceModule {
  enum class Kind : std::uint8_t { transformer, pooling, normalize };
  Kind kind;
  std::string path;  ///< its folder inside the model's; empty for the model's own
};

/// Reads a modules.json: a transformer, then a pooling, then nothing or a normalisation. Throws unsupported, naming it, for
/// a module of another class, and invalid_file for another order or a path that leaves the folder.
std::vector<SentenceModule> parse_modules(std::string_view text, const std::string& source);

/// What a sentence-transformers folder adds to its transformer model.
struct SentenceTransformer {
  std::filesystem::path transformer_folder;  ///< where the model's config.json and weights are
  PoolingSettings pooling;
  bool normalize = false;                                   ///< whether embeddings are scaled to length 1
  std::optional<std::int64_t> max_seq_length;               ///< tokens, special ones included, after which texts are cut
  bool do_lower_case = false;                               ///< whether texts are lowered before the tokenizer
  std::map<std::string, std::string, std::less<>> prompts;  ///< texts to put before the input, by name
  std::optional<std::string> default_prompt_name;
};

/// Reads modules.json and what it leads to; nothing when `folder` has no modules.json.
std::optional<SentenceTransformer> read_sentence_transformer(const std::filesystem::path& folder);

}  // namespace accelerate

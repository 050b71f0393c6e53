#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/json.h"
#include "tasks/shapes.h"

namespace accelerate {

struct CreateModelOptions {
  std::uint64_t seed = 0;
  std::optional<Head> head = {};               ///< instead of the one that the config names
  std::optional<SentenceShape> sentence = {};  ///< what sentence-transformers files to add, if any
  bool overwrite = false;                      ///< write into a folder that has files already
};

struct CreatedModel {
  std::size_t tensors = 0;
  std::int64_t parameters = 0;
};

/// Writes a model folder with random weights for `config`, a config.json: weights, a tokenizer with a made-up vocabulary, and
/// "random_weights": true in the config and the checkpoint, which everything that shows the model repeats. Throws
/// invalid_argument when the folder has files and overwriting was not asked for, unsupported or invalid_file for a config
/// that no architecture here fits, io when the folder cannot be written.
CreatedModel create_model(Json config, const std::filesystem::path& folder, const CreateModelOptions& options = {});

}  // namespace accelerate

#pragma once

#include <filesystem>

#include "formats/config.h"

namespace accelerate {

/// A Hugging Face model folder, or a sentence-transformers folder around one, or a GGUF file.
struct ModelFolder {
  std::filesystem::path path;         ///< as the caller named it
  std::filesystem::path transformer;  ///< where config.json, the weights and the tokenizer are: `path`, or a folder or GGUF file below it
  Config config;
  bool random_weights = false;  ///< config.json says that nobody trained the weights (models/create)

  /// The folder's own name, for reports.
  std::string name() const;
};

/// Opens the folder `path`, or the GGUF file `path`, or the one that is the only model of the folder. Throws not_found when it is
/// not there or has no config.json, invalid_argument when it is neither or has several GGUF files, invalid_file when its
/// config.json or its GGUF file is damaged.
ModelFolder open_model_folder(const std::filesystem::path& path);

}  // namespace accelerate

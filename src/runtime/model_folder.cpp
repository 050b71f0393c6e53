#include "runtime/model_folder.h"

#include <fmt/format.h>

#include "formats/sentence_transformers.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

/// The folder that holds config.json: older sentence-transformers folders keep the model one level below.
fs::path transformer_folder(const fs::path& path) {
  std::error_code ignored;
  if (fs::exists(path / "config.json", ignored)) return path;
  if (const auto sentence = read_sentence_transformer(path)) return sentence->transformer_folder;
  throw Error(ErrorKind::not_found, fmt::format("{}: has no config.json, expected a Hugging Face model folder", path.string()));
}

}  // namespace

std::string ModelFolder::name() const {
  const fs::path clean = fs::absolute(path).lexically_normal();
  return (clean.has_filename() ? clean : clean.parent_path()).filename().string();
}

ModelFolder open_model_folder(const fs::path& path) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (status.type() == fs::file_type::not_found)
    throw Error(ErrorKind::not_found, fmt::format("{}: no such folder, expected a Hugging Face model folder", path.string()));
  if (failure) throw Error(ErrorKind::io, fmt::format("{}: {}", path.string(), failure.message()));
  if (!fs::is_directory(status))
    throw Error(ErrorKind::invalid_argument, fmt::format("{}: is no folder, expected a Hugging Face model folder", path.string()));

  fs::path transformer = transformer_folder(path);
  Config config = Config::read(transformer / "config.json");
  const bool random = config.boolean_or("random_weights", false);
  return {.path = path, .transformer = std::move(transformer), .config = std::move(config), .random_weights = random};
}

}  // namespace accelerate

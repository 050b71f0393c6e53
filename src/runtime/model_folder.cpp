#include "runtime/model_folder.h"

#include <fmt/format.h>

#include "formats/checkpoint.h"
#include "formats/gguf/model.h"
#include "formats/sentence_transformers.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

/// The file and the settings that it holds.
ModelFolder gguf_model(const fs::path& path, const fs::path& file) {
  const gguf::File opened = gguf::File::open(file);
  return {.path = path, .transformer = file, .config = gguf::config_of(opened.header, opened.mapping->bytes())};
}

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
  if (gguf::is_gguf_file(path)) return gguf_model(path, path);
  if (failure) throw Error(ErrorKind::io, fmt::format("{}: {}", path.string(), failure.message()));
  if (!fs::is_directory(status))
    throw Error(ErrorKind::invalid_argument,
                fmt::format("{}: is no folder, expected a Hugging Face model folder or a .gguf file", path.string()));

  if (!Checkpoint::is_in(path))
    if (const fs::path file = gguf::gguf_file_in(path); !file.empty()) return gguf_model(path, file);
  fs::path transformer = transformer_folder(path);
  Config config = Config::read(transformer / "config.json");
  const bool random = config.boolean_or("random_weights", false);
  return {.path = path, .transformer = std::move(transformer), .config = std::move(config), .random_weights = random};
}

}  // namespace accelerate

// A GGUF file read as the model folder that it was made from.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "formats/gguf/header.h"
#include "formats/tensor_file.h"

namespace accelerate::gguf {

/// Whether `path` is a file that the format's name ends in: "model.gguf".
bool is_gguf_file(const std::filesystem::path& path);

/// The models of a folder, in order: its files, of those that are parts of one model the first.
std::vector<std::filesystem::path> gguf_files_in(const std::filesystem::path& folder);

/// The only model of a folder without a checkpoint of another format. Empty where there is none; throws invalid_argument, with the names,
/// where there are several.
std::filesystem::path gguf_file_in(const std::filesystem::path& folder);

/// A file, mapped; copies share it.
struct File {
  std::shared_ptr<const MappedFile> mapping;
  std::string source;  ///< its path, as messages name it
  Header header;

  /// Throws not_found, io, or as parse_header.
  static File open(const std::filesystem::path& path);

  /// What lies before the tensors: metadata and descriptions.
  std::span<const std::byte> header_bytes() const;
};

/// The fields of transformers' config.json. Throws as architecture_of and the getters of Metadata do.
Config config_of(const Header& header, std::span<const std::byte> file);

/// The tensors under transformers' names and in its layout; quantised ones are float32 to who reads them, and matrices are codes to
/// who asks for these. Those that the architecture does not know keep their names. Throws invalid_file for shapes that do not fit the
/// architecture.
TensorEntries tensors_of(const Header& header, const Config& config, const std::string& source);

/// The tensors of the model whose file, or first part, is `path`. Throws as File::open, config_of and tensors_of do, and
/// not_found where a part is missing.
std::vector<TensorFile> open_tensors(const std::filesystem::path& path);

/// The fields of generation_config.json: which tokens begin, end and fill a text.
std::string generation_config_json(const Metadata& metadata);

}  // namespace accelerate::gguf

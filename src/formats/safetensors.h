#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "formats/safetensors_header.h"
#include "formats/tensor_file.h"

namespace accelerate {

/// A safetensors file, mapped.
class SafetensorsFile : public TensorFile {
 public:
  /// Maps `path` and checks its header. Throws not_found, io, or invalid_file with the tensor and what is wrong with it.
  static SafetensorsFile open(const std::filesystem::path& path);

  /// The file's "__metadata__".
  const SafetensorsMetadata& metadata() const { return metadata_; }

 private:
  SafetensorsFile(std::shared_ptr<const MappedFile> file, std::string source, SafetensorsHeader header)
      : TensorFile(std::move(file), std::move(source), std::move(header.tensors)), metadata_(std::move(header.metadata)) {}

  SafetensorsMetadata metadata_;
};

/// Writes `tensors` and `metadata` as the safetensors file `path`, whole or not at all, without copying the tensors. Their
/// bytes begin at multiples of their element's size. Throws io, or invalid_argument for a name that the format cannot hold.
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors, const SafetensorsMetadata& metadata = {});

}  // namespace accelerate

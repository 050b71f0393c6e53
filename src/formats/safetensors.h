#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/mapped_file.h"
#include "formats/safetensors_header.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// A safetensors file, mapped: its tensors are views of the file's pages, which stay mapped for as long as any of them lives.
class SafetensorsFile {
 public:
  /// Maps `path` and checks its header. Throws not_found, io, or invalid_file with the tensor and what is wrong with it.
  static SafetensorsFile open(const std::filesystem::path& path);

  /// Every tensor's description, of types that this library cannot read too, by name.
  const SafetensorsEntries& entries() const { return header_.tensors; }

  /// The file's "__metadata__".
  const SafetensorsMetadata& metadata() const { return header_.metadata; }

  /// The file's path, as messages name it.
  const std::string& source() const { return source_; }

  /// The tensor `name`: a view, or a copy when the file put it at an address that its type cannot have. Throws not_found
  /// without it, unsupported for an element type that this library has not, invalid_file for booleans other than 0 and 1.
  Tensor tensor(std::string_view name) const;

  /// All tensors, read as tensor() does.
  TensorMap tensors() const;

  /// Bytes of all tensors together.
  std::size_t byte_size() const;

  /// Tells the system that the pages of `tensor` will not be read again (MappedFile::advise_unused).
  void release(const Tensor& tensor) const { file_->advise_unused(tensor.bytes()); }

 private:
  SafetensorsFile(std::shared_ptr<const MappedFile> file, std::string source, SafetensorsHeader header)
      : file_(std::move(file)), source_(std::move(source)), header_(std::move(header)) {}

  std::shared_ptr<const MappedFile> file_;
  std::string source_;
  SafetensorsHeader header_;
};

/// Writes `tensors` and `metadata` as the safetensors file `path`, whole or not at all, without copying the tensors. Their
/// bytes begin at multiples of their element's size. Throws io, or invalid_argument for a name that the format cannot hold.
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors, const SafetensorsMetadata& metadata = {});

}  // namespace accelerate

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "graph/weights.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// One tensor as the file that holds it describes it.
struct TensorEntry {
  std::string_view type;       ///< the element type as safetensors calls it: "F32", "BF16", "F8_E4M3", …
  std::optional<DType> dtype;  ///< the type as this library knows it, if it does
  std::vector<std::int64_t> shape;
  std::size_t offset = 0;               ///< of the first element, from the beginning of the file
  std::size_t byte_size = 0;            ///< of all elements
  std::vector<std::int64_t> strides{};  ///< in elements, of each axis; none where the elements lie in row-major order

  /// Makes the tensor of that shape from its bytes in the file, where these are no row of elements: quantised ones, for instance.
  std::function<Tensor(const std::vector<std::int64_t>& shape, std::span<const std::byte> bytes)> decode{};

  /// Takes the matrix apart into codes and what they stand for, where that is how its bytes in the file hold it.
  std::function<QuantisedWeight(std::span<const std::byte> bytes)> codes{};
};

/// Tensors by name.
using TensorEntries = std::map<std::string, TensorEntry, std::less<>>;

/// A mapped file of tensors, which are views of its pages; these stay mapped for as long as any of the tensors lives.
class TensorFile {
 public:
  /// `entries` must have been checked: all elements of each lie inside the file.
  TensorFile(std::shared_ptr<const MappedFile> file, std::string source, TensorEntries entries)
      : file_(std::move(file)), source_(std::move(source)), entries_(std::move(entries)) {}

  /// Every tensor's description, of types that this library cannot read too, by name.
  const TensorEntries& entries() const { return entries_; }

  /// The file's path, as messages name it.
  const std::string& source() const { return source_; }

  /// The tensor `name`: a view, or a copy when its elements are not in row-major order or at an address that their type
  /// cannot have, or its bytes are decoded. Throws not_found without it, unsupported for an element type that this library has not,
  /// invalid_file for booleans other than 0 and 1.
  Tensor tensor(std::string_view name) const;

  /// The bytes of the tensor `name` as the file has them. Throws not_found without it.
  std::span<const std::byte> stored_bytes(std::string_view name) const;

  /// All tensors, read as tensor() does.
  TensorMap tensors() const;

  /// Bytes of all tensors together.
  std::size_t byte_size() const;

  /// Tells the system that the pages of `bytes` will not be read again (MappedFile::advise_unused).
  void release(std::span<const std::byte> bytes) const { file_->advise_unused(bytes); }

 private:
  const TensorEntry& entry(std::string_view name) const;

  std::shared_ptr<const MappedFile> file_;
  std::string source_;
  TensorEntries entries_;
};

}  // namespace accelerate

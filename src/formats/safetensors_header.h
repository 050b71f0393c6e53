#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// One tensor as a safetensors file describes it.
struct SafetensorsEntry {
  std::string_view type;       ///< the format's own name of the element type: "F32", "BF16", "F8_E4M3", …
  std::optional<DType> dtype;  ///< the type as this library knows it, if it does
  std::vector<std::int64_t> shape;
  std::size_t offset = 0;  ///< of the first byte, from the beginning of the file
  std::size_t byte_size = 0;
};

/// Tensors by name.
using SafetensorsEntries = std::map<std::string, SafetensorsEntry, std::less<>>;

/// A file's remarks about itself: "format" is "pt" in what PyTorch writes.
using SafetensorsMetadata = std::map<std::string, std::string, std::less<>>;

/// What the first part of a safetensors file says about the rest.
struct SafetensorsHeader {
  SafetensorsEntries tensors;
  SafetensorsMetadata metadata;
};

/// Reads and checks the header at the beginning of `file`, the bytes of a whole safetensors file: every tensor lies inside
/// the file, has as many bytes as its type and shape need, and the tensors cover the data without holes or overlaps
/// (https://huggingface.co/docs/safetensors). Throws invalid_file, naming `source`, the tensor and what was expected.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file, std::string_view source);

/// The format's name for `dtype`: "F32", …
std::string_view safetensors_type_of(DType dtype);

}  // namespace accelerate

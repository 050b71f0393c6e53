#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "formats/tensor_file.h"

namespace accelerate {

/// A file's remarks about itself: "format" is "pt" in what PyTorch writes.
using SafetensorsMetadata = std::map<std::string, std::string, std::less<>>;

/// What the first part of a safetensors file says about the rest.
struct SafetensorsHeader {
  TensorEntries tensors;
  SafetensorsMetadata metadata;
};

/// Reads and checks the header at the beginning of `file`, the bytes of a whole safetensors file: every tensor lies inside
/// the file, has as many bytes as its type and shape need, and the tensors cover the data without holes or overlaps
/// (https://huggingface.co/docs/safetensors). Throws invalid_file, naming `source`, the tensor and what was expected.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file, std::string_view source);

/// The format's name for `dtype`: "F32", …
std::string_view safetensors_type_of(DType dtype);

}  // namespace accelerate

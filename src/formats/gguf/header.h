#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "formats/gguf/block_types.h"
#include "formats/gguf/metadata.h"

namespace accelerate::gguf {

/// A tensor as the file describes it.
struct TensorInfo {
  const BlockType* type;
  std::vector<std::int64_t> shape;  ///< row-major: the file's order, in which the axis of a row comes first, the other way round
  std::size_t offset;               ///< of the first byte, from the beginning of the file
  std::size_t byte_size;
};

/// What the first part of a file says about the rest.
struct Header {
  Metadata metadata;
  std::map<std::string, TensorInfo, std::less<>> tensors;
};

/// Reads and checks the header at the beginning of `file`, the bytes of a whole GGUF file of version 2 or 3 in little-endian
/// order (docs/gguf.md of ggml): counts and lengths lie inside the file, and the tensors do, at multiples of the alignment and
/// without sharing bytes. What it gives are views of `file`. Throws invalid_file or unsupported, naming `source`, the key or the
/// tensor, and what was expected.
Header parse_header(std::span<const std::byte> file, const std::string& source);

}  // namespace accelerate::gguf

// How GGUF files store the numbers of tensors: one by one, or in blocks of small whole numbers with scales.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "ipfs_accelerate/tensor.h"

namespace accelerate::gguf {

/// A block taken apart: number i is scales[g] · (codes[i] - zero) + offsets[g], where g is i / group.
struct Codes {
  std::array<std::int16_t, 256> codes;
  std::array<float, 16> scales;
  std::array<float, 16> offsets;
};

/// A type of blocks, all of a type alike. Blocks lie within rows.
struct BlockType {
  std::uint32_t id;                           ///< in files
  std::string_view name;                      ///< "Q4_K"
  std::int64_t elements;                      ///< numbers of a block
  std::int64_t bytes;                         ///< of a block
  std::optional<DType> dtype = std::nullopt;  ///< of plain numbers
  std::int64_t group = 0;                     ///< numbers that share a scale; 0: the type cannot be read
  std::int64_t bits = 0;                      ///< of a code
  std::int64_t zero = 0;                      ///< the code of the number 0, before offsets
  bool has_offsets = false;
  void (*unpack)(const std::byte* block, Codes& codes) = nullptr;

  bool is_quantised() const { return unpack != nullptr; }
};

/// The type of that number; nullptr when there is none.
const BlockType* block_type(std::uint32_t id);

/// The numbers of `count` blocks or plain numbers at `from`, as float32. The type must be one that can be read: plain floats, or
/// quantised.
void decode(const BlockType& type, const std::byte* from, std::int64_t count, float* to);

}  // namespace accelerate::gguf

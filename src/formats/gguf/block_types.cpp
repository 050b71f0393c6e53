#include "formats/gguf/block_types.h"

#include <algorithm>
#include <cstring>

#include "base/half.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::gguf {
namespace {

std::int16_t byte_at(const std::byte* from, std::int64_t index) { return std::to_integer<std::int16_t>(from[index]); }

float half_at(const std::byte* from) { return from_float16(static_cast<std::uint16_t>(byte_at(from, 0) | byte_at(from, 1) << 8)); }

/// Blocks of 32 with one scale: the lower halves of 16 bytes are the first 16 codes, the upper halves the rest; a fifth bit of
/// each code stands in `high`.
void unpack_nibbles(const std::byte* nibbles, std::uint32_t high, Codes& codes) {
  for (std::size_t i = 0; i < 16; ++i) {
    const auto byte = byte_at(nibbles, static_cast<std::int64_t>(i));
    codes.codes[i] = static_cast<std::int16_t>((byte & 15) | static_cast<int>(high >> i & 1U) << 4);
    codes.codes[i + 16] = static_cast<std::int16_t>(byte >> 4 | static_cast<int>(high >> (i + 16) & 1U) << 4);
  }
}

std::uint32_t word_at(const std::byte* from) {
  std::uint32_t word = 0;
  for (std::int64_t i = 4; i-- > 0;) word = word << 8 | static_cast<std::uint32_t>(byte_at(from, i));
  return word;
}

void unpack_q8_0(const std::byte* block, Codes& codes) {
  codes.scales[0] = half_at(block);
  for (std::size_t i = 0; i < 32; ++i) codes.codes[i] = static_cast<std::int8_t>(byte_at(block + 2, static_cast<std::int64_t>(i)));
}

void unpack_q4_0(const std::byte* block, Codes& codes) {
  codes.scales[0] = half_at(block);
  unpack_nibbles(block + 2, 0, codes);
}

void unpack_q4_1(const std::byte* block, Codes& codes) {
  codes.scales[0] = half_at(block);
  codes.offsets[0] = half_at(block + 2);
  unpack_nibbles(block + 4, 0, codes);
}

void unpack_q5_0(const std::byte* block, Codes& codes) {
  codes.scales[0] = half_at(block);
  unpack_nibbles(block + 6, word_at(block + 2), codes);
}

void unpack_q5_1(const std::byte* block, Codes& codes) {
  codes.scales[0] = half_at(block);
  codes.offsets[0] = half_at(block + 2);
  unpack_nibbles(block + 8, word_at(block + 4), codes);
}

/// The scales and offsets of Q4_K and Q5_K: two halves that 8 pairs of 6-bit numbers multiply, which 12 bytes hold: the first
/// four pairs in the lower 6 bits of bytes 0 to 3 and 4 to 7; the others' lower 4 bits in bytes 8 to 11, and their upper 2 in
/// the upper bits of the first 8 bytes.
void unpack_scales(const std::byte* block, Codes& codes) {
  const float scale = half_at(block);
  const float offset = half_at(block + 2);
  const std::byte* packed = block + 4;
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto first = static_cast<std::size_t>(i);
    const auto low = byte_at(packed, i);
    const auto middle = byte_at(packed, i + 4);
    const auto high = byte_at(packed, i + 8);
    codes.scales[first] = scale * static_cast<float>(low & 63);
    codes.offsets[first] = -offset * static_cast<float>(middle & 63);
    codes.scales[first + 4] = scale * static_cast<float>((high & 15) | low >> 6 << 4);
    codes.offsets[first + 4] = -offset * static_cast<float>(high >> 4 | middle >> 6 << 4);
  }
}

/// Runs of 64 codes, whose lower 4 bits lie in 32 bytes: the lower halves first, then the upper ones. A fifth bit of code i of
/// the run's halves stands in byte i of `high`, in two bits of each run's own.
void unpack_runs(const std::byte* nibbles, const std::byte* high, Codes& codes) {
  for (std::size_t run = 0; run < 4; ++run) {
    for (std::size_t i = 0; i < 32; ++i) {
      const auto byte = byte_at(nibbles, static_cast<std::int64_t>(32 * run + i));
      const int bits = high == nullptr ? 0 : byte_at(high, static_cast<std::int64_t>(i)) >> (2 * run);
      codes.codes[64 * run + i] = static_cast<std::int16_t>((byte & 15) | (bits & 1) << 4);
      codes.codes[64 * run + 32 + i] = static_cast<std::int16_t>(byte >> 4 | (bits >> 1 & 1) << 4);
    }
  }
}

void unpack_q4_k(const std::byte* block, Codes& codes) {
  unpack_scales(block, codes);
  unpack_runs(block + 16, nullptr, codes);
}

void unpack_q5_k(const std::byte* block, Codes& codes) {
  unpack_scales(block, codes);
  unpack_runs(block + 48, block + 16, codes);
}

// 128 bytes of lower halves, 64 of upper bits, 16 scales with a sign, and the half that these multiply. 32 bytes of upper bits
// and 64 of lower halves make 128 codes.
void unpack_q6_k(const std::byte* block, Codes& codes) {
  const float scale = half_at(block + 208);
  for (std::size_t i = 0; i < 16; ++i)
    codes.scales[i] = scale * static_cast<float>(static_cast<std::int8_t>(byte_at(block + 192, static_cast<std::int64_t>(i))));
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t half = i / 128;
    const std::size_t quarter = i % 128 / 32;
    const auto low = byte_at(block, static_cast<std::int64_t>(64 * half + 32 * (quarter % 2) + i % 32));
    const auto high = byte_at(block + 128, static_cast<std::int64_t>(32 * half + i % 32));
    codes.codes[i] = static_cast<std::int16_t>((quarter < 2 ? low & 15 : low >> 4) | (high >> (2 * quarter) & 3) << 4);
  }
}

// The numbers, names and sizes are those of ggml (ggml.h, docs/gguf.md); types without a group are known by name alone.
constexpr auto types = std::to_array<BlockType>({
    {.id = 0, .name = "F32", .elements = 1, .bytes = 4, .dtype = DType::float32},
    {.id = 1, .name = "F16", .elements = 1, .bytes = 2, .dtype = DType::float16},
    {.id = 2, .name = "Q4_0", .elements = 32, .bytes = 18, .group = 32, .bits = 4, .zero = 8, .unpack = unpack_q4_0},
    {.id = 3, .name = "Q4_1", .elements = 32, .bytes = 20, .group = 32, .bits = 4, .has_offsets = true, .unpack = unpack_q4_1},
    {.id = 6, .name = "Q5_0", .elements = 32, .bytes = 22, .group = 32, .bits = 8, .zero = 16, .unpack = unpack_q5_0},
    {.id = 7, .name = "Q5_1", .elements = 32, .bytes = 24, .group = 32, .bits = 8, .has_offsets = true, .unpack = unpack_q5_1},
    {.id = 8, .name = "Q8_0", .elements = 32, .bytes = 34, .group = 32, .bits = 8, .unpack = unpack_q8_0},
    {.id = 10, .name = "Q2_K", .elements = 256, .bytes = 84},
    {.id = 11, .name = "Q3_K", .elements = 256, .bytes = 110},
    {.id = 12, .name = "Q4_K", .elements = 256, .bytes = 144, .group = 32, .bits = 4, .has_offsets = true, .unpack = unpack_q4_k},
    {.id = 13, .name = "Q5_K", .elements = 256, .bytes = 176, .group = 32, .bits = 8, .has_offsets = true, .unpack = unpack_q5_k},
    {.id = 14, .name = "Q6_K", .elements = 256, .bytes = 210, .group = 16, .bits = 8, .zero = 32, .unpack = unpack_q6_k},
    {.id = 16, .name = "IQ2_XXS", .elements = 256, .bytes = 66},
    {.id = 17, .name = "IQ2_XS", .elements = 256, .bytes = 74},
    {.id = 18, .name = "IQ3_XXS", .elements = 256, .bytes = 98},
    {.id = 19, .name = "IQ1_S", .elements = 256, .bytes = 50},
    {.id = 20, .name = "IQ4_NL", .elements = 32, .bytes = 18},
    {.id = 21, .name = "IQ3_S", .elements = 256, .bytes = 110},
    {.id = 22, .name = "IQ2_S", .elements = 256, .bytes = 82},
    {.id = 23, .name = "IQ4_XS", .elements = 256, .bytes = 136},
    {.id = 24, .name = "I8", .elements = 1, .bytes = 1, .dtype = DType::int8},
    {.id = 25, .name = "I16", .elements = 1, .bytes = 2, .dtype = DType::int16},
    {.id = 26, .name = "I32", .elements = 1, .bytes = 4, .dtype = DType::int32},
    {.id = 27, .name = "I64", .elements = 1, .bytes = 8, .dtype = DType::int64},
    {.id = 28, .name = "F64", .elements = 1, .bytes = 8, .dtype = DType::float64},
    {.id = 29, .name = "IQ1_M", .elements = 256, .bytes = 56},
    {.id = 30, .name = "BF16", .elements = 1, .bytes = 2, .dtype = DType::bfloat16},
    {.id = 34, .name = "TQ1_0", .elements = 256, .bytes = 54},
    {.id = 35, .name = "TQ2_0", .elements = 256, .bytes = 66},
    {.id = 39, .name = "MXFP4", .elements = 32, .bytes = 17},
    {.id = 40, .name = "NVFP4", .elements = 64, .bytes = 36},
});

template <typename T, typename ToFloat>
void convert(const std::byte* from, std::int64_t count, float* to, ToFloat to_float) {
  for (std::int64_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, from + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    to[i] = to_float(value);
  }
}

}  // namespace

const BlockType* block_type(std::uint32_t id) {
  const auto found = std::ranges::find(types, id, &BlockType::id);
  return found == types.end() ? nullptr : found;
}

void decode(const BlockType& type, const std::byte* from, std::int64_t count, float* to) {
  if (type.dtype == DType::float32) return convert<float>(from, count, to, [](float value) { return value; });
  if (type.dtype == DType::float16) return convert<std::uint16_t>(from, count, to, from_float16);
  if (type.dtype == DType::bfloat16) return convert<std::uint16_t>(from, count, to, from_bfloat16);
  if (!type.is_quantised()) throw Error(ErrorKind::internal, "numbers of a type that is not read");
  Codes block{};
  for (std::int64_t i = 0; i < count; ++i, from += type.bytes, to += type.elements) {
    type.unpack(from, block);
    for (std::int64_t j = 0; j < type.elements; ++j) {
      const auto group = static_cast<std::size_t>(j / type.group);
      to[j] = block.scales[group] * static_cast<float>(block.codes[static_cast<std::size_t>(j)] - type.zero) + block.offsets[group];
    }
  }
}

}  // namespace accelerate::gguf

// Weights as codes: what kernels read where a weight is stored, or asked for, in whole steps with a scale for each group of
// inputs. Activations are whole steps too, so that products are of bytes, and sums leave a group once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace accelerate::cpu {

/// Inputs of a row of activations that share a scale.
inline constexpr std::int64_t coded_chunk = 32;

/// Weights [outputs, inputs] of one linear: factor · (scale · (code - zero) + offset), with codes of 4 or 8 bits, a factor for
/// each output, and scales and offsets, in float16, for each group of inputs. A panel holds its outputs' groups one after
/// another: scales, offsets, then codes as the level's instructions take them. Does not own its memory.
struct CodedWeights {
  int bits = 4;
  std::int64_t outputs = 0;
  std::int64_t inputs = 0;
  std::int64_t group_size = coded_chunk;  ///< 16, or a multiple of coded_chunk
  std::int32_t zero = 0;
  bool has_offsets = false;
  std::byte* panels = nullptr;          ///< 64-byte aligned
  float* factors = nullptr;             ///< [outputs rounded up to panels]
  float* byte_scales = nullptr;         ///< of AMX, as many: what one of 253 equal steps of the output's weights stands for
  std::int32_t* byte_sums = nullptr;    ///< of AMX, as many: the sum of the output's weights in those steps
  const std::int32_t* order = nullptr;  ///< [inputs]: column i of the panels takes input order[i]; nullptr: input i

  std::int64_t groups() const { return (inputs + group_size - 1) / group_size; }
  /// Inputs after which sums of products are scaled.
  std::int64_t step() const { return group_size < coded_chunk ? group_size : coded_chunk; }
};

/// Rows of weights before they are packed.
struct CodedRows {
  const std::uint8_t* codes;     ///< [count, inputs]
  const std::uint16_t* scales;   ///< [count, groups], float16
  const std::uint16_t* offsets;  ///< [count, groups], float16; nullptr where the weights have none
  const float* factors;          ///< [count]
  std::int64_t count;
};

}  // namespace accelerate::cpu

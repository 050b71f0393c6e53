#include "backends/cuda/weight_encoding.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "backends/stored_constants.h"
#include "base/arithmetic.h"
#include "base/half.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

/// Elements that one worker decodes at a time.
constexpr std::int64_t block = std::int64_t{1} << 16;

std::int64_t count_of(std::span<const Tensor* const> parts) {
  return std::accumulate(parts.begin(), parts.end(), std::int64_t{0},
                         [](std::int64_t sum, const Tensor* part) { return sum + part->size(); });
}

DType dtype_of(Encoding encoding) {
  switch (encoding) {
    case Encoding::float32:
      return DType::float32;
    case Encoding::float16:
      return DType::float16;
    case Encoding::bfloat16:
      return DType::bfloat16;
    case Encoding::int8:
      return DType::int8;
    case Encoding::int64:
      return DType::int64;
    case Encoding::boolean:
      return DType::boolean;
  }
  throw Error(ErrorKind::internal, "an encoding of weights has no dtype");
}

/// Each element of the parts as a Stored, by `round` of its float32.
template <typename Stored, typename Round>
void encode_floats(std::span<const Tensor* const> parts, Stored* result, ThreadPool& threads, Round round) {
  for (const Tensor* part : parts) {
    threads.parallel_for(divide_up(part->size(), block), [&](std::int64_t index, int) {
      const std::int64_t first = index * block;
      const std::int64_t count = std::min(block, part->size() - first);
      std::vector<float> decoded(static_cast<std::size_t>(count));
      decode_floats(*part, first, count, decoded.data());
      std::ranges::transform(decoded, result + first, round);
    });
    result += part->size();
  }
}

template <typename T>
void widen(const Tensor& from, std::int64_t* result) {
  std::ranges::copy(from.values<T>(), result);
}

void encode_whole_numbers(std::span<const Tensor* const> parts, std::int64_t* result) {
  for (const Tensor* part : parts) {
    switch (part->dtype()) {
      case DType::int32:
        widen<std::int32_t>(*part, result);
        break;
      case DType::int16:
        widen<std::int16_t>(*part, result);
        break;
      case DType::int8:
        widen<std::int8_t>(*part, result);
        break;
      case DType::uint8:
        widen<std::uint8_t>(*part, result);
        break;
      default:
        widen<std::int64_t>(*part, result);
    }
    result += part->size();
  }
}

/// One row in steps of its largest magnitude over 127; a row with a number that is not finite has the scale NaN.
void encode_row(std::span<const float> row, std::int8_t* steps, float& scale, std::int32_t& sum) {
  float largest = 0;
  bool finite = true;
  for (float number : row) {
    finite = finite && std::isfinite(number);
    largest = std::max(largest, std::abs(number));
  }
  scale = finite ? 1 : std::numeric_limits<float>::quiet_NaN();
  sum = 0;
  if (!finite || largest == 0) return;
  scale = static_cast<float>(static_cast<double>(largest) / 127);
  for (std::size_t i = 0; i < row.size(); ++i) {
    // A scale that was rounded down puts the largest number a hair above 127 steps, or far above when it is subnormal.
    const double step = std::clamp(std::nearbyint(static_cast<double>(row[i]) / scale), -127.0, 127.0);
    steps[i] = static_cast<std::int8_t>(step);
    sum += static_cast<std::int32_t>(step);
  }
}

EncodedWeight encode_int8(std::span<const Tensor* const> parts, ThreadPool& threads) {
  const std::int64_t columns = parts.front()->dim(1);
  std::int64_t rows = 0;
  for (const Tensor* part : parts) rows += part->dim(0);
  EncodedWeight result;
  result.padded_columns = round_up(columns, int8_alignment);
  result.padded_rows = rows % 4 == 0 ? rows : round_up(rows, int8_alignment);
  result.scales_offset = static_cast<std::size_t>(round_up(result.padded_rows * result.padded_columns, 256));
  result.sums_offset = result.scales_offset + static_cast<std::size_t>(round_up(rows * static_cast<std::int64_t>(sizeof(float)), 256));
  result.bytes.resize(result.sums_offset + static_cast<std::size_t>(rows) * sizeof(std::int32_t));

  auto* const steps = reinterpret_cast<std::int8_t*>(result.bytes.data());
  auto* const scales = reinterpret_cast<float*>(result.bytes.data() + result.scales_offset);
  auto* const sums = reinterpret_cast<std::int32_t*>(result.bytes.data() + result.sums_offset);
  std::int64_t first_row = 0;
  for (const Tensor* part : parts) {
    threads.parallel_for(part->dim(0), [&](std::int64_t row, int) {
      std::vector<float> decoded(static_cast<std::size_t>(columns));
      decode_floats(*part, row * columns, columns, decoded.data());
      const std::int64_t place = first_row + row;
      encode_row(decoded, steps + place * result.padded_columns, scales[place], sums[place]);
    });
    first_row += part->dim(0);
  }
  return result;
}

}  // namespace

EncodedWeight encode(std::span<const Tensor* const> parts, Encoding encoding, ThreadPool& threads) {
  if (encoding == Encoding::int8) return encode_int8(parts, threads);
  EncodedWeight result;
  const DType wanted = dtype_of(encoding);
  result.bytes.resize(static_cast<std::size_t>(count_of(parts)) * size_of(wanted));
  std::byte* bytes = result.bytes.data();
  const bool as_stored = std::ranges::all_of(parts, [&](const Tensor* part) { return part->dtype() == wanted; });
  if (as_stored) {
    for (const Tensor* part : parts) {
      if (part->size() > 0) std::memcpy(bytes, part->bytes().data(), part->byte_size());
      bytes += part->byte_size();
    }
    return result;
  }
  switch (encoding) {
    case Encoding::float32:
      encode_floats(parts, reinterpret_cast<float*>(bytes), threads, [](float number) { return number; });
      return result;
    case Encoding::float16:
      encode_floats(parts, reinterpret_cast<std::uint16_t*>(bytes), threads, to_float16);
      return result;
    case Encoding::bfloat16:
      encode_floats(parts, reinterpret_cast<std::uint16_t*>(bytes), threads, to_bfloat16);
      return result;
    case Encoding::int64:
      encode_whole_numbers(parts, reinterpret_cast<std::int64_t*>(bytes));
      return result;
    default:
      throw Error(ErrorKind::internal, "a constant of another dtype is read as booleans");
  }
}

}  // namespace accelerate::cuda

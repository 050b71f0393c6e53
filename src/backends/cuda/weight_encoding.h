#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "backends/cuda/weight_store.h"

namespace accelerate::cuda {

/// A weight as it will lie on the device.
struct EncodedWeight {
  std::vector<std::byte> bytes;
  std::int64_t padded_columns = 0;  ///< of int8: what the columns are rounded up to, for the vendor's int8 products
  std::int64_t padded_rows = 0;
  std::size_t scales_offset = 0;  ///< of int8: float32 [rows]
  std::size_t sums_offset = 0;    ///< of int8: int32 [rows]
};

/// The parts, one after another, in that encoding. Throws internal when their dtype does not become it.
EncodedWeight encode(std::span<const Tensor* const> parts, Encoding encoding, ThreadPool& threads);

}  // namespace accelerate::cuda

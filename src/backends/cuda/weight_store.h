// Weights on the device: each is encoded and copied once, and shared by all executables that read it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <tuple>
#include <vector>

#include "backends/cuda/buffers.h"
#include "base/thread_pool.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate::cuda {

/// How a weight lies in the device's memory.
enum class Encoding : std::uint8_t {
  float32,
  float16,
  bfloat16,
  int8,  ///< whole steps of -127…127 and a scale per row, as reference/operand.h defines; rows and columns padded with zeros
  int64,
  boolean,
};

/// Rows of int8 operands begin at multiples of this many bytes, and are that long, in the vendor's products.
inline constexpr std::int64_t int8_alignment = 16;

/// One or more tensors that stand one after another along their first axis, in one encoding.
struct DeviceWeight {
  std::vector<Tensor> sources;  ///< keeps their bytes, whose addresses the store knows the weight by
  DeviceBuffer memory;
  std::int64_t padded_columns = 0;     ///< of int8
  std::int64_t padded_rows = 0;        ///< of int8
  const float* scales = nullptr;       ///< of int8: [rows]
  const std::int32_t* sums = nullptr;  ///< of int8: [rows], of each row's steps

  const std::byte* data() const { return memory.data(); }
};

class WeightStore {
 public:
  /// The weight on this device, new or as another executable put it there. The parts are [rows, columns] for int8, of any
  /// shape otherwise, and of a dtype that becomes that encoding. The caller holds a place of `threads` and a DeviceUse.
  std::shared_ptr<const DeviceWeight> get(const std::shared_ptr<OpenDevice>& device, std::span<const Tensor* const> parts,
                                          Encoding encoding, ThreadPool& threads);

 private:
  using Key = std::tuple<std::vector<const std::byte*>, std::vector<std::int64_t>, Encoding>;

  std::mutex mutex_;
  std::map<Key, std::weak_ptr<const DeviceWeight>> weights_;
};

}  // namespace accelerate::cuda

#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "backends/cuda/buffers.h"

namespace accelerate::cuda {

/// Host memory that large outputs arrive in and stay in: the tensors are views of it, and it comes back here when the last
/// of them is gone.
class HostBlocks : public std::enable_shared_from_this<HostBlocks> {
 public:
  /// A block of at least `bytes`. Throws out_of_memory.
  std::shared_ptr<std::byte> take(const std::shared_ptr<OpenDevice>& device, std::size_t bytes);

 private:
  static constexpr std::size_t most_kept = 2;

  void give_back(HostBuffer block);

  std::mutex mutex_;
  std::vector<HostBuffer> blocks_;
};

}  // namespace accelerate::cuda

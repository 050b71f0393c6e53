#include "backends/cuda/host_blocks.h"

#include <algorithm>

namespace accelerate::cuda {

std::shared_ptr<std::byte> HostBlocks::take(const std::shared_ptr<OpenDevice>& device, std::size_t bytes) {
  HostBuffer block;
  {
    const std::lock_guard lock(mutex_);
    const auto fitting = std::ranges::find_if(blocks_, [&](const HostBuffer& kept) { return kept.size() >= bytes; });
    if (fitting != blocks_.end()) {
      block = std::move(*fitting);
      blocks_.erase(fitting);
    }
  }
  if (block.data() == nullptr) block = HostBuffer(device, bytes);
  auto owner = std::make_shared<HostBuffer>(std::move(block));
  std::byte* const data = owner->data();
  return {data, [owner, home = weak_from_this()](std::byte*) {
            if (const auto blocks = home.lock()) blocks->give_back(std::move(*owner));
          }};
}

void HostBlocks::give_back(HostBuffer block) {
  const std::lock_guard lock(mutex_);
  if (blocks_.size() == most_kept) {
    const auto smallest = std::ranges::min_element(blocks_, {}, &HostBuffer::size);
    if (smallest->size() >= block.size()) return;
    std::swap(*smallest, block);
    return;
  }
  blocks_.push_back(std::move(block));
}

}  // namespace accelerate::cuda

#include "backends/cuda/execution_context.h"

#include <algorithm>

#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

/// What the vendor's products may use besides their operands.
constexpr std::size_t workspace_bytes = std::size_t{32} << 20;

constexpr std::size_t most_recordings = 32;

}  // namespace

ExecutionContext::ExecutionContext(std::shared_ptr<OpenDevice> device)
    : device_(std::move(device)), stream_(device_), workspace_(device_, workspace_bytes), recordings_(most_recordings) {}

void ExecutionContext::reserve(std::size_t bytes) {
  if (block_.size() >= bytes) return;
  const std::size_t larger = std::max(bytes, block_.size() + block_.size() / 2);
  shrink();
  try {
    block_ = DeviceBuffer(device_, larger);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::out_of_memory || larger == bytes) throw;
    block_ = DeviceBuffer(device_, bytes);
  }
}

void ExecutionContext::shrink() {
  recordings_.clear();
  block_ = DeviceBuffer();
}

std::byte* ExecutionContext::staging(std::size_t bytes) {
  if (staging_.size() < bytes) {
    staging_ = HostBuffer();
    staging_ = HostBuffer(device_, bytes);
  }
  return staging_.data();
}

std::unique_ptr<ExecutionContext> ContextPool::take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return !idle_.empty() || made_ < most_; });
  if (!idle_.empty()) {
    auto context = std::move(idle_.back());
    idle_.pop_back();
    return context;
  }
  ++made_;
  lock.unlock();
  try {
    const DeviceUse use(*device_);
    return std::make_unique<ExecutionContext>(device_);
  } catch (...) {
    const std::lock_guard again(mutex_);
    --made_;
    returned_.notify_one();
    throw;
  }
}

void ContextPool::give_back(std::unique_ptr<ExecutionContext> context) {
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(context));
  }
  returned_.notify_one();
}

void ContextPool::shrink_idle() {
  const std::lock_guard lock(mutex_);
  for (const auto& context : idle_) context->shrink();
}

}  // namespace accelerate::cuda

// What a call runs in: a stream, its block of memory, and the recordings that point into that block.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/cuda/buffers.h"
#include "backends/cuda/layout.h"
#include "backends/cuda/lru_cache.h"

namespace accelerate::cuda {

/// A recording of one shape's steps; without a graph while the shape was seen once only, or when it cannot be recorded.
struct Recording {
  std::unique_ptr<CapturedGraph> graph;
  bool refused = false;
};

class ExecutionContext {
 public:
  explicit ExecutionContext(std::shared_ptr<OpenDevice> device);

  const OwnedStream& stream() const { return stream_; }
  const DeviceBuffer& block() const { return block_; }
  const DeviceBuffer& workspace() const { return workspace_; }
  LruCache<CallShape, Recording>& recordings() { return recordings_; }

  /// Makes the block at least that large. Throws out_of_memory, and then has no block; recordings of an earlier block are
  /// dropped.
  void reserve(std::size_t bytes);

  /// Gives the block back to the device.
  void shrink();

  /// Host memory that inputs are collected in, and that small outputs arrive in; at least that large.
  std::byte* staging(std::size_t bytes);

 private:
  std::shared_ptr<OpenDevice> device_;
  OwnedStream stream_;
  DeviceBuffer workspace_;
  DeviceBuffer block_;
  HostBuffer staging_;
  LruCache<CallShape, Recording> recordings_;
};

/// The contexts of one executable. As many calls run at once as there are contexts; further ones wait.
class ContextPool {
 public:
  ContextPool(std::shared_ptr<OpenDevice> device, std::size_t most) : device_(std::move(device)), most_(most) {}

  /// A context for one call, which goes back when it ends.
  class Lease {
   public:
    explicit Lease(ContextPool& pool) : pool_(pool), context_(pool.take()) {}
    ~Lease() { pool_.give_back(std::move(context_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    ExecutionContext& operator*() const { return *context_; }
    ExecutionContext* operator->() const { return context_.get(); }

   private:
    ContextPool& pool_;
    std::unique_ptr<ExecutionContext> context_;
  };

  /// Gives the memory of contexts that no call runs in back to the device.
  void shrink_idle();

 private:
  std::unique_ptr<ExecutionContext> take();
  void give_back(std::unique_ptr<ExecutionContext> context);

  std::shared_ptr<OpenDevice> device_;
  std::size_t most_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::size_t made_ = 0;
  std::vector<std::unique_ptr<ExecutionContext>> idle_;
};

}  // namespace accelerate::cuda

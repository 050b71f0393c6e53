// Owners of what a device hands out. Each keeps its device alive, and leaves everything where it is once the device is lost.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "backends/cuda/open_device.h"

namespace accelerate::cuda {

/// A block of a device's memory.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  /// Throws out_of_memory, with the bytes that were wanted and those that are free.
  DeviceBuffer(std::shared_ptr<OpenDevice> device, std::size_t bytes);
  DeviceBuffer(DeviceBuffer&& other) noexcept;
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer();

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::shared_ptr<OpenDevice> device_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Host memory that copies to and from the device run beside; plain host memory where the system refuses to fix it in
/// place. It outlives a reset of the device, so tensors may be views of it.
class HostBuffer {
 public:
  HostBuffer() = default;
  /// Throws out_of_memory.
  HostBuffer(std::shared_ptr<OpenDevice> device, std::size_t bytes);
  HostBuffer(HostBuffer&& other) noexcept;
  HostBuffer& operator=(HostBuffer&& other) noexcept;
  HostBuffer(const HostBuffer&) = delete;
  HostBuffer& operator=(const HostBuffer&) = delete;
  ~HostBuffer();

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::shared_ptr<OpenDevice> device_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  bool pinned_ = false;
};

/// A queue of work on a device.
class OwnedStream {
 public:
  explicit OwnedStream(std::shared_ptr<OpenDevice> device);
  OwnedStream(const OwnedStream&) = delete;
  OwnedStream& operator=(const OwnedStream&) = delete;
  ~OwnedStream();

  cudaStream_t get() const { return stream_; }

 private:
  std::shared_ptr<OpenDevice> device_;
  cudaStream_t stream_ = nullptr;
};

/// A recording of work that is launched as one.
class CapturedGraph {
 public:
  CapturedGraph(std::shared_ptr<OpenDevice> device, cudaGraphExec_t graph) : device_(std::move(device)), graph_(graph) {}
  CapturedGraph(const CapturedGraph&) = delete;
  CapturedGraph& operator=(const CapturedGraph&) = delete;
  ~CapturedGraph();

  cudaGraphExec_t get() const { return graph_; }

 private:
  std::shared_ptr<OpenDevice> device_;
  cudaGraphExec_t graph_;
};

}  // namespace accelerate::cuda

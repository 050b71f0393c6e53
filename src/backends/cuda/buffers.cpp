#include "backends/cuda/buffers.h"

#include <fmt/format.h>

#include <new>

#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

constexpr std::align_val_t page{4096};

/// The pool's memory; on refusal once more after everything that the pool holds in reserve went back to the device.
cudaError_t allocate_twice(DeviceApi& api, std::byte** memory, std::size_t bytes) {
  const cudaError_t first = api.allocate(memory, bytes);
  if (first != cudaErrorMemoryAllocation) return first;
  api.forget_last_error();
  if (const cudaError_t trimmed = api.trim(); trimmed != cudaSuccess) return trimmed;
  return api.allocate(memory, bytes);
}

/// Calls `give_back` with the device current, unless the device is lost; what it answers is of no use to an owner that ends.
template <typename Function>
void release_on(const std::shared_ptr<OpenDevice>& device, Function give_back) noexcept {
  if (device == nullptr || device->lost()) return;
  if (device->api().make_current() != cudaSuccess || give_back(device->api()) != cudaSuccess) device->api().forget_last_error();
}

}  // namespace

DeviceBuffer::DeviceBuffer(std::shared_ptr<OpenDevice> device, std::size_t bytes) : device_(std::move(device)), size_(bytes) {
  if (bytes == 0) return;
  const cudaError_t status = allocate_twice(device_->api(), &data_, bytes);
  if (status == cudaErrorMemoryAllocation) {
    device_->api().forget_last_error();
    MemoryState memory;
    device_->check(device_->api().memory_state(&memory), "reading how much memory is free");
    throw Error(ErrorKind::out_of_memory,
                fmt::format("{}: no memory for {} bytes: {} of {} are free", device_->name(), bytes, memory.free, memory.total));
  }
  device_->check(status, fmt::format("allocating {} bytes", bytes));
}

DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : device_(std::move(other.device_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

DeviceBuffer::~DeviceBuffer() {
  if (data_ != nullptr) release_on(device_, [this](DeviceApi& api) { return api.release(data_); });
}

HostBuffer::HostBuffer(std::shared_ptr<OpenDevice> device, std::size_t bytes) : device_(std::move(device)), size_(bytes) {
  if (bytes == 0) return;
  data_ = static_cast<std::byte*>(::operator new(bytes, page, std::nothrow));
  if (data_ == nullptr) throw Error(ErrorKind::out_of_memory, fmt::format("no host memory for a buffer of {} bytes", bytes));
  // A refusal, by the limit on locked memory say, costs speed alone: copies then go through the driver's own buffers.
  pinned_ = device_->api().pin(data_, bytes) == cudaSuccess;
  if (!pinned_) device_->api().forget_last_error();
}

HostBuffer::HostBuffer(HostBuffer&& other) noexcept
    : device_(std::move(other.device_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      pinned_(std::exchange(other.pinned_, false)) {}

HostBuffer& HostBuffer::operator=(HostBuffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(pinned_, other.pinned_);
  return *this;
}

HostBuffer::~HostBuffer() {
  if (data_ == nullptr) return;
  if (pinned_) release_on(device_, [this](DeviceApi& api) { return api.unpin(data_); });
  ::operator delete(data_, page);
}

OwnedStream::OwnedStream(std::shared_ptr<OpenDevice> device) : device_(std::move(device)) {
  device_->check(device_->api().create_stream(&stream_), "making a stream");
}

OwnedStream::~OwnedStream() {
  release_on(device_, [this](DeviceApi& api) { return api.destroy_stream(stream_); });
}

CapturedGraph::~CapturedGraph() {
  release_on(device_, [this](DeviceApi& api) { return api.destroy_graph(graph_); });
}

}  // namespace accelerate::cuda

// What the backend asks of one device, call by call, as the CUDA runtime answers it. Behind an interface, so that everything
// above it is tested on machines without a device, faults included.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace accelerate::cuda {

struct MemoryState {
  std::size_t free = 0;
  std::size_t total = 0;
};

class DeviceApi {
 public:
  DeviceApi() = default;
  DeviceApi(const DeviceApi&) = delete;
  DeviceApi& operator=(const DeviceApi&) = delete;
  virtual ~DeviceApi() = default;

  /// Makes this device the calling thread's.
  virtual cudaError_t make_current() = 0;

  /// Memory of the device's pool, ready for every stream. Freed memory stays in the pool until trim().
  virtual cudaError_t allocate(std::byte** memory, std::size_t bytes) = 0;
  virtual cudaError_t release(std::byte* memory) = 0;
  virtual cudaError_t trim() = 0;
  virtual cudaError_t memory_state(MemoryState* state) = 0;

  /// Fixes host memory in place, so that copies from and to it run beside the host.
  virtual cudaError_t pin(std::byte* memory, std::size_t bytes) = 0;
  virtual cudaError_t unpin(std::byte* memory) = 0;

  virtual cudaError_t create_stream(cudaStream_t* stream) = 0;
  virtual cudaError_t destroy_stream(cudaStream_t stream) = 0;
  virtual cudaError_t synchronize(cudaStream_t stream) = 0;

  virtual cudaError_t copy_to_device(std::byte* to, const std::byte* from, std::size_t bytes, cudaStream_t stream) = 0;
  virtual cudaError_t copy_to_host(std::byte* to, const std::byte* from, std::size_t bytes, cudaStream_t stream) = 0;

  /// Between the two, what this thread puts on the stream is recorded and not run.
  virtual cudaError_t begin_capture(cudaStream_t stream) = 0;
  /// The recording, ready to launch; null when the recording failed.
  virtual cudaError_t end_capture(cudaStream_t stream, cudaGraphExec_t* graph) = 0;
  virtual cudaError_t launch(cudaGraphExec_t graph, cudaStream_t stream) = 0;
  virtual cudaError_t destroy_graph(cudaGraphExec_t graph) = 0;

  /// Leaves the device's handles unclosed when this ends, for a device that is lost: its reset takes them along.
  virtual void abandon() = 0;

  /// Forgets the last error that can be forgotten, which later launches would report again.
  virtual void forget_last_error() = 0;

  /// The runtime's name and sentence for a status.
  virtual const char* name_of(cudaError_t status) const = 0;
  virtual const char* sentence_of(cudaError_t status) const = 0;
};

}  // namespace accelerate::cuda

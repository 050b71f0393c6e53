#include "backends/cuda/runtime_device.h"

#include <fmt/format.h>

#include <limits>

#include "backends/cuda/errors.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

/// DeviceApi, call for call.
class RuntimeDevice final : public DeviceApi {
 public:
  explicit RuntimeDevice(int ordinal) : ordinal_(ordinal) {}

  ~RuntimeDevice() override {
    if (abandoned_ || cudaSetDevice(ordinal_) != cudaSuccess) return;
    if (pool_ != nullptr) cudaMemPoolDestroy(pool_);
    if (allocations_ != nullptr) cudaStreamDestroy(allocations_);
  }

  /// Makes the device's pool. Where it has none, memory comes from the driver one block at a time.
  cudaError_t prepare() {
    if (const cudaError_t status = cudaStreamCreateWithFlags(&allocations_, cudaStreamNonBlocking); status != cudaSuccess) return status;
    int has_pools = 0;
    const cudaError_t status = cudaDeviceGetAttribute(&has_pools, cudaDevAttrMemoryPoolsSupported, ordinal_);
    if (status != cudaSuccess || has_pools == 0) return status;
    cudaMemPoolProps properties{};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.handleTypes = cudaMemHandleTypeNone;
    properties.location.type = cudaMemLocationTypeDevice;
    properties.location.id = ordinal_;
    if (const cudaError_t made = cudaMemPoolCreate(&pool_, &properties); made != cudaSuccess) return made;
    std::uint64_t kept = std::numeric_limits<std::uint64_t>::max();
    return cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &kept);
  }

  cudaError_t make_current() override { return cudaSetDevice(ordinal_); }

  cudaError_t allocate(std::byte** memory, std::size_t bytes) override {
    void* block = nullptr;
    cudaError_t status = pool_ == nullptr ? cudaMalloc(&block, bytes) : cudaMallocFromPoolAsync(&block, bytes, pool_, allocations_);
    if (status == cudaSuccess && pool_ != nullptr) status = cudaStreamSynchronize(allocations_);
    *memory = static_cast<std::byte*>(block);
    return status;
  }

  cudaError_t release(std::byte* memory) override { return pool_ == nullptr ? cudaFree(memory) : cudaFreeAsync(memory, allocations_); }

  cudaError_t trim() override {
    if (pool_ == nullptr) return cudaSuccess;
    const cudaError_t status = cudaStreamSynchronize(allocations_);
    return status != cudaSuccess ? status : cudaMemPoolTrimTo(pool_, 0);
  }

  cudaError_t memory_state(MemoryState* state) override { return cudaMemGetInfo(&state->free, &state->total); }

  cudaError_t pin(std::byte* memory, std::size_t bytes) override { return cudaHostRegister(memory, bytes, cudaHostRegisterDefault); }
  cudaError_t unpin(std::byte* memory) override { return cudaHostUnregister(memory); }

  cudaError_t create_stream(cudaStream_t* stream) override { return cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking); }
  cudaError_t destroy_stream(cudaStream_t stream) override { return cudaStreamDestroy(stream); }
  cudaError_t synchronize(cudaStream_t stream) override { return cudaStreamSynchronize(stream); }

  cudaError_t copy_to_device(std::byte* to, const std::byte* from, std::size_t bytes, cudaStream_t stream) override {
    return bytes == 0 ? cudaSuccess : cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream);
  }
  cudaError_t copy_to_host(std::byte* to, const std::byte* from, std::size_t bytes, cudaStream_t stream) override {
    return bytes == 0 ? cudaSuccess : cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream);
  }

  // Other threads allocate and wait while this one records, which only a recording of this thread's calls alone allows.
  cudaError_t begin_capture(cudaStream_t stream) override { return cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal); }

  cudaError_t end_capture(cudaStream_t stream, cudaGraphExec_t* graph) override {
    *graph = nullptr;
    cudaGraph_t recorded = nullptr;
    cudaError_t status = cudaStreamEndCapture(stream, &recorded);
    if (recorded == nullptr) return status == cudaSuccess ? cudaErrorStreamCaptureInvalidated : status;
    if (status == cudaSuccess) status = cudaGraphInstantiate(graph, recorded, 0);
    const cudaError_t destroyed = cudaGraphDestroy(recorded);
    return status != cudaSuccess ? status : destroyed;
  }

  cudaError_t launch(cudaGraphExec_t graph, cudaStream_t stream) override { return cudaGraphLaunch(graph, stream); }
  cudaError_t destroy_graph(cudaGraphExec_t graph) override { return cudaGraphExecDestroy(graph); }

  void abandon() override { abandoned_ = true; }
  void forget_last_error() override { cudaGetLastError(); }
  const char* name_of(cudaError_t status) const override { return cudaGetErrorName(status); }
  const char* sentence_of(cudaError_t status) const override { return cudaGetErrorString(status); }

 private:
  int ordinal_;
  bool abandoned_ = false;
  cudaStream_t allocations_ = nullptr;  ///< what the pool's memory is taken and given back on
  cudaMemPool_t pool_ = nullptr;
};

/// Whether the device answers this process.
cudaError_t probe(int ordinal) {
  const cudaError_t status = cudaSetDevice(ordinal);
  return status != cudaSuccess ? status : cudaDeviceSynchronize();
}

[[noreturn]] void refuse(int ordinal, std::string_view doing, cudaError_t status) {
  cudaGetLastError();
  throw Error(ErrorKind::unavailable, fmt::format("cuda:{}: {}: {} ({}); a new process may be able to use it", ordinal, doing,
                                                  cudaGetErrorString(status), cudaGetErrorName(status)));
}

}  // namespace

std::unique_ptr<DeviceApi> open_runtime_device(int ordinal) {
  cudaError_t status = probe(ordinal);
  if (status != cudaSuccess && kind_of(status) == ErrorKind::device_lost) {
    cudaGetLastError();
    // A broken context answers a reset with its own error as well; what counts is whether the device answers afterwards.
    cudaDeviceReset();
    cudaGetLastError();
    status = probe(ordinal);
  }
  if (status != cudaSuccess) refuse(ordinal, "the device does not answer", status);
  auto device = std::make_unique<RuntimeDevice>(ordinal);
  if (const cudaError_t prepared = device->prepare(); prepared != cudaSuccess) refuse(ordinal, "making its memory pool", prepared);
  return device;
}

}  // namespace accelerate::cuda

#include "cuda/fake_device.h"

#include <algorithm>
#include <cstring>

#include "backends/cuda/errors.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

FakeStream* stream_of(cudaStream_t stream) { return reinterpret_cast<FakeStream*>(stream); }

class FakeDevice final : public DeviceApi {
 public:
  explicit FakeDevice(std::shared_ptr<FakeState> state) : state_(std::move(state)) {}

  cudaError_t make_current() override { return state_->enter("make_current"); }

  cudaError_t allocate(std::byte** memory, std::size_t bytes) override {
    if (const cudaError_t status = state_->enter("allocate"); status != cudaSuccess) return status;
    const std::lock_guard lock(state_->mutex);
    if (state_->used + state_->reserved + bytes > state_->capacity) return cudaErrorMemoryAllocation;
    *memory = static_cast<std::byte*>(::operator new(bytes, std::align_val_t{256}));
    // NaN in every float, as far as tests reach: nothing may be read that was not written.
    std::memset(*memory, 0xff, std::min(bytes, std::size_t{4} << 20));
    state_->memory.emplace(*memory, bytes);
    state_->used += bytes;
    return cudaSuccess;
  }

  cudaError_t release(std::byte* memory) override {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->memory.find(memory);
    if (found == state_->memory.end()) return cudaErrorInvalidValue;
    state_->used -= found->second;
    state_->reserved += found->second;
    ::operator delete(memory, std::align_val_t{256});
    state_->memory.erase(found);
    return cudaSuccess;
  }

  cudaError_t trim() override {
    if (const cudaError_t status = state_->enter("trim"); status != cudaSuccess) return status;
    const std::lock_guard lock(state_->mutex);
    state_->reserved = 0;
    return cudaSuccess;
  }

  cudaError_t memory_state(MemoryState* memory) override {
    if (const cudaError_t status = state_->enter("memory_state"); status != cudaSuccess) return status;
    const std::lock_guard lock(state_->mutex);
    *memory = {.free = state_->capacity - state_->used, .total = state_->capacity};
    return cudaSuccess;
  }

  cudaError_t pin(std::byte* memory, std::size_t) override {
    if (const cudaError_t status = state_->enter("pin"); status != cudaSuccess) return status;
    const std::lock_guard lock(state_->mutex);
    state_->pinned.insert(memory);
    return cudaSuccess;
  }

  cudaError_t unpin(std::byte* memory) override {
    const std::lock_guard lock(state_->mutex);
    return state_->pinned.erase(memory) == 1 ? cudaSuccess : cudaErrorHostMemoryNotRegistered;
  }

  cudaError_t create_stream(cudaStream_t* stream) override {
    if (const cudaError_t status = state_->enter("create_stream"); status != cudaSuccess) return status;
    auto* const made = new FakeStream{.state = state_.get()};
    *stream = reinterpret_cast<cudaStream_t>(made);
    const std::lock_guard lock(state_->mutex);
    state_->streams.insert(made);
    return cudaSuccess;
  }

  cudaError_t destroy_stream(cudaStream_t stream) override {
    const std::lock_guard lock(state_->mutex);
    if (state_->streams.erase(stream_of(stream)) == 0) return cudaErrorInvalidResourceHandle;
    delete stream_of(stream);
    return cudaSuccess;
  }

  cudaError_t synchronize(cudaStream_t) override { return state_->enter("synchronize"); }

  cudaError_t copy_to_device(std::byte* to, const std::byte* from, std::size_t bytes, cudaStream_t) override {
    if (const cudaError_t status = state_->enter("copy_to_device"); status != cudaSuccess) return status;
    std::memmove(to, from, bytes);
    const std::lock_guard lock(state_->mutex);
    state_->bytes_to_device += static_cast<std::int64_t>(bytes);
    return cudaSuccess;
  }

  cudaError_t copy_to_host(std::byte* to, const std::byte* from, std::size_t bytes, cudaStream_t) override {
    if (const cudaError_t status = state_->enter("copy_to_host"); status != cudaSuccess) return status;
    std::memmove(to, from, bytes);
    return cudaSuccess;
  }

  cudaError_t begin_capture(cudaStream_t stream) override {
    if (const cudaError_t status = state_->enter("begin_capture"); status != cudaSuccess) return status;
    stream_of(stream)->recording = std::make_unique<FakeGraph>();
    return cudaSuccess;
  }

  cudaError_t end_capture(cudaStream_t stream, cudaGraphExec_t* graph) override {
    auto recording = std::move(stream_of(stream)->recording);
    *graph = nullptr;
    if (const cudaError_t status = state_->enter("end_capture"); status != cudaSuccess) return status;
    if (recording == nullptr || state_->refuse_capture) return cudaErrorStreamCaptureInvalidated;
    const std::lock_guard lock(state_->mutex);
    state_->graphs.insert(recording.get());
    *graph = reinterpret_cast<cudaGraphExec_t>(recording.release());
    return cudaSuccess;
  }

  cudaError_t launch(cudaGraphExec_t graph, cudaStream_t) override {
    if (const cudaError_t status = state_->enter("launch"); status != cudaSuccess) return status;
    for (const auto& work : *reinterpret_cast<FakeGraph*>(graph)) work();
    return cudaSuccess;
  }

  cudaError_t destroy_graph(cudaGraphExec_t graph) override {
    auto* const recording = reinterpret_cast<FakeGraph*>(graph);
    const std::lock_guard lock(state_->mutex);
    if (state_->graphs.erase(recording) == 0) return cudaErrorInvalidResourceHandle;
    delete recording;
    return cudaSuccess;
  }

  void abandon() override {}
  void forget_last_error() override {}
  const char* name_of(cudaError_t) const override { return "fakeError"; }
  const char* sentence_of(cudaError_t status) const override {
    return kind_of(status) == ErrorKind::device_lost ? "the fake device broke" : "the fake device refused";
  }

 private:
  std::shared_ptr<FakeState> state_;
};

class FakeMachine final : public Machine {
 public:
  explicit FakeMachine(std::shared_ptr<FakeState> state) : state_(std::move(state)) {}

  FoundDevices find() override {
    if (!state_->absent.empty()) return {.devices = {}, .reason = state_->absent};
    FoundDevice device{.ordinal = 0, .device = {"cuda:0", "host memory that stands in for a device"}, .reason = state_->refused_library};
    return {.devices = {device}, .reason = state_->refused_library};
  }

  // What lived in the broken context is gone with it: the owners of it must leave it alone.
  std::shared_ptr<OpenDevice> open(const FoundDevice& found) override {
    const std::lock_guard lock(state_->mutex);
    ++state_->opened;
    if (state_->broken != cudaSuccess) {
      ++state_->resets;
      state_->broken = cudaSuccess;
      state_->drop_everything();
    }
    return std::make_shared<OpenDevice>(found.device.name, make_fake_device(state_), make_fake_products(state_));
  }

 private:
  std::shared_ptr<FakeState> state_;
};

}  // namespace

cudaError_t FakeState::enter(const std::string& name) {
  const std::lock_guard lock(mutex);
  ++calls[name];
  if (broken != cudaSuccess) return broken;
  if (!plan || (!plan->name.empty() && plan->name != name) || plan->after-- > 0) return cudaSuccess;
  const cudaError_t status = plan->status;
  if (--plan->times == 0) plan.reset();
  if (kind_of(status) == ErrorKind::device_lost) broken = status;
  return status;
}

void FakeState::drop_everything() {
  for (const auto& [block, bytes] : memory) ::operator delete(block, std::align_val_t{256});
  for (FakeStream* stream : streams) delete stream;
  for (FakeGraph* graph : graphs) delete graph;
  memory.clear();
  streams.clear();
  graphs.clear();
  pinned.clear();
  used = reserved = 0;
}

cudaError_t submit(cudaStream_t stream, const std::string& name, std::function<void()> work) {
  FakeStream& queue = *stream_of(stream);
  if (const cudaError_t status = queue.state->enter(name); status != cudaSuccess) return status;
  if (queue.recording != nullptr)
    queue.recording->push_back(std::move(work));
  else
    work();
  return cudaSuccess;
}

std::unique_ptr<DeviceApi> make_fake_device(std::shared_ptr<FakeState> state) { return std::make_unique<FakeDevice>(std::move(state)); }

std::shared_ptr<Machine> make_fake_machine(std::shared_ptr<FakeState> state) { return std::make_shared<FakeMachine>(std::move(state)); }

}  // namespace accelerate::cuda

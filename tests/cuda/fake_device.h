// A device in host memory: what is put on its streams runs at once, or is recorded and run at launch. It counts what is
// asked of it, and fails where a test says.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backends/cuda/device_api.h"
#include "backends/cuda/machine.h"

namespace accelerate::cuda {

struct FakeState;

/// A stream of the fake: cudaStream_t points to one.
struct FakeStream {
  FakeState* state = nullptr;
  std::unique_ptr<std::vector<std::function<void()>>> recording = {};  ///< while it records
};

/// A recording: cudaGraphExec_t points to one.
using FakeGraph = std::vector<std::function<void()>>;

/// What a test sees of a fake device, and tells it. Shared by all that opens it, as a driver's state is.
struct FakeState {
  std::size_t capacity = std::size_t{4} << 30;
  std::string absent = {};           ///< why there is no device; empty when there is one
  std::string refused_library = {};  ///< why the library of products is missing; empty when it is there

  std::mutex mutex;
  std::map<std::byte*, std::size_t> memory;  ///< living blocks of the device
  std::size_t used = 0;
  std::size_t reserved = 0;  ///< freed, but held back from others until trim()
  std::set<std::byte*> pinned;
  std::set<FakeStream*> streams;
  std::set<FakeGraph*> graphs;
  int opened = 0;
  int resets = 0;

  std::map<std::string, int> calls;  ///< by name, kernels and products as "kernel" and "product"
  std::int64_t bytes_to_device = 0;

  /// Fails calls of that name ("" for any) with a status: as many as `times`, after as many as `after` that succeed.
  struct Plan {
    std::string name;
    int after = 0;
    cudaError_t status = cudaSuccess;
    int times = 1;
  };
  std::optional<Plan> plan;
  cudaError_t broken = cudaSuccess;  ///< the sticky error that every call answers until a reset
  bool refuse_products = false;      ///< the library has no algorithm
  bool refuse_capture = false;

  /// Counts a call and says how it ends.
  cudaError_t enter(const std::string& name);

  /// Whether nothing is left of what was made.
  bool is_clean() const { return memory.empty() && pinned.empty() && streams.empty() && graphs.empty(); }

  /// What a reset does: everything on the device is gone.
  void drop_everything();

  ~FakeState() { drop_everything(); }
};

/// Runs or records work, as a kernel's launch does; its answer.
cudaError_t submit(cudaStream_t stream, const std::string& name, std::function<void()> work);

std::unique_ptr<DeviceApi> make_fake_device(std::shared_ptr<FakeState> state);

/// Products computed by plain loops.
std::unique_ptr<MatrixProducts> make_fake_products(std::shared_ptr<FakeState> state);

/// A machine with one such device, "cuda:0".
std::shared_ptr<Machine> make_fake_machine(std::shared_ptr<FakeState> state);

}  // namespace accelerate::cuda

// The contract between graphs and what runs them.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/state.h"
#include "base/precision.h"
#include "base/thread_pool.h"
#include "graph/graph.h"
#include "ipfs_accelerate/tensor.h"
#include "passes/pass.h"

namespace accelerate {

/// A device that a backend can run on.
struct Device {
  std::string name;         ///< "cpu", "cuda:0"
  std::string description;  ///< what it is, for people
};

/// A device that a backend sees and cannot use.
struct UnusableDevice {
  Device device;
  std::string reason;
};

/// A backend's devices on this machine, the preferred one first; none usable, and the reason, when it cannot run here.
struct Devices {
  std::vector<Device> usable;
  std::vector<UnusableDevice> unusable = {};
  std::string reason = {};
};

/// Whether a backend runs a node as it stands, and if not, why. "No" on a fused op means: decompose it.
struct Support {
  bool yes;
  std::string reason;
};

struct CompileOptions {
  Precision precision = Precision::fp32;
  std::string device = {};              ///< the name of a usable device; empty: the first
  std::shared_ptr<ThreadPool> threads;  ///< required
  std::vector<std::string> disabled_passes = {};
  std::filesystem::path cache = {};                 ///< a folder where what was compiled may be kept for the next process; empty: nowhere
  std::function<void(const Tensor&)> release = {};  ///< told of each constant whose bytes are not read again, when set
};

struct NamedType {
  std::string name;
  ValueType type;
};

/// How often a runtime's own op occurs in what it made of a graph.
struct RuntimeOp {
  std::string name;  ///< "FullyConnected"
  int count = 0;
};

/// How a graph was compiled, for reports.
struct CompileReport {
  std::string implementation;  ///< what runs: "cpu avx512_bf16"
  std::vector<PassReport> passes;
  Graph graph;                              ///< after the passes
  std::vector<RuntimeOp> runtime_ops = {};  ///< of a backend that hands the graph to a runtime with fusions of its own
  std::int64_t weight_bytes = 0;            ///< that a run reads of packed weights, each as often as it is read; 0: not known
  std::vector<std::string> notes = {};      ///< what a reader of the answers must know: a part that runs elsewhere, and why
};

/// A graph that can run, from any number of threads at once.
class Executable {
 public:
  Executable() = default;
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;
  virtual ~Executable() = default;

  virtual const CompileReport& report() const = 0;

  /// The graph's outputs for these inputs, whose sizes set the named sizes of this call. Throws invalid_argument when an
  /// input is missing, of another dtype or shape, or holds an index outside its table; out_of_memory when this call needs
  /// more than the device has, and a smaller one may not; device_lost when nothing runs any more until the graph is
  /// compiled anew by a new Backend.
  virtual TensorMap run(const TensorMap& inputs) const = 0;

  /// Room for what the graph's append nodes give. Throws unsupported where the backend keeps nothing between calls.
  virtual std::unique_ptr<State> make_state(const StateOptions& options) const;

  /// run() where each sequence goes on from its rows in the call's state, which this executable made. The context inputs
  /// (AppendedSize) are the state's to give. Throws out_of_memory too when the state has no room for the new rows; what
  /// throws adds none.
  virtual TensorMap run(const TensorMap& inputs, const StateCall& call) const;
};

/// Turns a verified graph into something runnable on one kind of device.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  virtual std::string_view name() const = 0;
  virtual Devices devices() const = 0;

  /// The precisions that it computes in, fp32 first.
  virtual std::span<const Precision> precisions() const = 0;

  virtual Support supports(const Graph& graph, const Node& node) const = 0;

  /// The graph ready to run. Throws unsupported for a node that it lacks, unavailable when it has no such device here,
  /// out_of_memory when the weights do not fit.
  virtual std::unique_ptr<Executable> compile(Graph graph, const CompileOptions& options) const = 0;
};

/// Every backend of this build, those that cannot run here too; in the order of preference of `auto`.
std::vector<std::unique_ptr<Backend>> all_backends();

/// The backend of that name. Throws invalid_argument, listing the names, when there is none.
std::unique_ptr<Backend> backend_named(std::string_view name);

/// Throws unsupported, naming the precisions that there are, unless the backend computes in `precision`.
void check_precision(const Backend& backend, Precision precision);

/// The named sizes that these inputs give the graph. Throws invalid_argument, with the input's name, when one is missing,
/// unknown, of another dtype or shape, or disagrees with another about a size.
SizeMap bind_inputs(const Graph& graph, const TensorMap& inputs);

}  // namespace accelerate

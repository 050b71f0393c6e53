// A graph on a backend, and what is done when the device's memory or the device itself gives out.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {

/// What a call gave, and what whoever reads it must know of how it came about: which part ran elsewhere, and why.
struct RunResult {
  TensorMap outputs;
  std::vector<std::string> notes = {};
};

/// Adds those of `more` that `notes` has not yet.
void add_notes(std::vector<std::string>& notes, const std::vector<std::string>& more);

/// Makes a backend by its name, as backend_named() does.
using BackendFactory = std::function<std::unique_ptr<Backend>(std::string_view name)>;

struct RecoveryOptions {
  bool fallback = true;                         ///< false: only `backend` runs, and its errors are the caller's
  BackendFactory make_backend = backend_named;  ///< for a backend that is needed anew, and for the cpu backend
};

/// Runs a graph on a backend, from any number of threads at once, and where that fails, on less of it:
///
/// - Nodes that the backend does not support run on the cpu backend (backends/hybrid.h).
/// - Out of memory: the batch is cut by its sequences in ever smaller pieces; when one sequence is still too much, or the
///   graph mixes sequences, the request runs on cpu. Where the graph itself does not fit, every request does.
/// - Device lost: the backend is made anew and the request repeated, once; after a second loss, or when the device does not
///   come back, this and every later request run on cpu.
///
/// Each such step stands in the notes of the answers that it concerns. The cpu backend has nothing behind it but pieces.
class RecoveringRunner {
 public:
  /// Compiles the graph on `backend`. Throws as Backend::compile does, save what it recovers from.
  RecoveringRunner(std::shared_ptr<const Backend> backend, const Graph& graph, CompileOptions options, RecoveryOptions recovery = {});
  ~RecoveringRunner();
  RecoveringRunner(const RecoveringRunner&) = delete;
  RecoveringRunner& operator=(const RecoveringRunner&) = delete;

  /// How the graph was compiled at first.
  const CompileReport& report() const { return report_; }

  /// The backend that it was compiled for at first: cpu where the one asked for had no room.
  const std::string& backend() const { return backend_; }

  /// The precision that it was compiled for at first.
  Precision precision() const { return precision_; }

  /// The outputs for these inputs, of which those that the graph does not read are left out. Throws as Executable::run does
  /// when nothing is left to try.
  RunResult run(const TensorMap& inputs) const;

 private:
  struct Engine;
  using EnginePointer = std::shared_ptr<const Engine>;

  EnginePointer compile(std::shared_ptr<const Backend> backend) const;
  bool can_recover(std::string_view backend, const Error& error) const;
  EnginePointer current_engine(std::vector<std::string>& notes) const;
  EnginePointer cpu_engine(const std::string& reason, std::vector<std::string>& notes) const;
  EnginePointer renewed_engine(EnginePointer lost, const Error& error, std::vector<std::string>& notes) const;
  EnginePointer stay_on_cpu(const std::string& reason, std::vector<std::string>& notes) const;
  TensorMap run_whole_or_cut(const Engine& engine, const TensorMap& inputs, std::vector<std::string>& notes) const;
  TensorMap run_cut(const Engine& engine, const TensorMap& inputs, const Error& error, std::vector<std::string>& notes) const;

  Graph graph_;
  CompileOptions options_;
  RecoveryOptions recovery_;
  bool separable_;
  std::string asked_for_;  ///< the backend's name
  CompileReport report_;
  std::string backend_;
  Precision precision_;

  mutable std::mutex mutex_;                ///< of the next two
  mutable EnginePointer engine_;            ///< nothing after a device was lost with no way on
  mutable std::vector<std::string> moved_;  ///< why every request runs on cpu now
  mutable std::mutex cpu_mutex_;            ///< of the next
  mutable EnginePointer cpu_;               ///< once it was needed
};

}  // namespace accelerate

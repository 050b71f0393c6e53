#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "formats/checkpoint.h"
#include "models/registry.h"
#include "runtime/calibration.h"
#include "runtime/choice.h"
#include "runtime/model_folder.h"
#include "runtime/recovery.h"

namespace accelerate {

struct SessionOptions {
  std::string backend = "auto";                   ///< a backend's name, or auto
  std::string precision = "auto";                 ///< a precision's name, or auto
  int threads = 0;                                ///< 0: as many as serve best
  std::string prefer = "latency";                 ///< latency, throughput or memory: what "best" means to auto
  double accuracy = 1;                            ///< least agreement with float32 that auto may take; 1: float32 itself
  CalibrationProgress calibrating = {};           ///< told before each way to run that is measured
  std::vector<std::string> disabled_passes = {};  ///< by name
  std::optional<Head> head = {};                  ///< instead of the one that config.json names
  bool fallback = true;                           ///< get over faults (runtime/recovery.h); false: they are errors
  std::function<Graph(const Graph&)> adapt = {};  ///< changes the model's graph before it is compiled, when set
  BackendFactory make_backend = {};               ///< makes backends in place of backend_named, when set
};

/// Where and how a session computes, for reports.
struct Placement {
  std::string backend;
  Device device;
  std::string implementation;  ///< "cpu avx512_bf16"
  Precision precision = Precision::fp32;
  int threads = 1;
  Choice choice = {};  ///< why there and so, and what else was possible

  /// The instruction-set level within the implementation, "avx512_bf16"; empty for a backend that has none.
  std::string isa() const;
};

/// A model that is loaded, compiled and ready to run, from any number of threads at once.
class Session {
 public:
  /// Loads the model's weights and compiles its graph. Throws not_found, invalid_file or unsupported for what is wrong with
  /// the folder, invalid_argument, unsupported or unavailable for what is wrong with the options. Where the options leave
  /// several ways to run, they are measured, once a model and machine (runtime/selection.h).
  explicit Session(ModelFolder folder, const SessionOptions& options = {});

  const ModelFolder& folder() const { return folder_; }
  Head head() const { return head_; }
  const Checkpoint& checkpoint() const { return *checkpoint_; }
  const Placement& placement() const { return placement_; }
  const CompileReport& report() const { return runner_->report(); }

  /// The threads that compute; work before and after a run may use them too.
  ThreadPool& threads() const { return *threads_; }

  /// Tokens that a sequence may have: the model's positions.
  std::int64_t most_tokens() const { return most_tokens_; }

  /// Milliseconds that opening, building and compiling took.
  double load_milliseconds() const { return load_milliseconds_; }

  /// The graph's outputs for a ragged batch (models/registry.h); inputs that the graph does not read are left out, those that a
  /// caller may leave out get their defaults (runtime/default_inputs.h). Throws invalid_argument for sequences that are empty, in
  /// disorder or longer than most_tokens(), and as RecoveringRunner::run does.
  RunResult run(const TensorMap& inputs) const;

 private:
  void check_sequences(const TensorMap& inputs) const;

  ModelFolder folder_;
  Head head_;
  std::shared_ptr<Checkpoint> checkpoint_;
  std::shared_ptr<ThreadPool> threads_;
  Placement placement_;
  std::unique_ptr<RecoveringRunner> runner_;
  std::int64_t most_tokens_ = 0;
  std::int64_t most_decoder_tokens_ = 0;
  double load_milliseconds_ = 0;
};

}  // namespace accelerate

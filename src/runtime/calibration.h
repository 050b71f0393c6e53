// A short measurement of every way to run one model on this machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "runtime/candidates.h"

namespace accelerate {

/// What a model's candidates were measured to take.
struct Calibration {
  std::string measured;                ///< when: "2026-11-21T12:00:00Z"
  std::int64_t latency_tokens = 0;     ///< of the one text whose latency was measured
  std::int64_t throughput_tokens = 0;  ///< of the batch whose throughput was measured
  double others_use = 0;               ///< share of the machine, from 0 to 1, that other processes used meanwhile
  std::vector<Measurement> measurements;
};

/// What makes a calibration doubtful, in one sentence: a busy machine; empty where nothing does.
std::string doubt_about(const Calibration& calibration);

/// The text model to measure.
struct CalibrationModel {
  const Graph& graph;            ///< before passes
  std::int64_t vocabulary = 1;   ///< token ids are below this
  std::int64_t most_tokens = 1;  ///< that a sequence may have

  /// Compiles what is run to be measured; where it is not set, the graph is.
  std::function<std::unique_ptr<Executable>(const std::shared_ptr<const Backend>& backend, const CompileOptions& options)> compile = {};
};

/// Told before each candidate is measured, and how many were; what it throws ends the calibration.
using CalibrationProgress = std::function<void(const Candidate& next, std::size_t done)>;

struct CalibrationOptions {
  double seconds = 2;  ///< that all runs together take, about: candidates share them, and each runs its least all the same
  std::vector<std::string> disabled_passes = {};
  std::filesystem::path cache = {};                 ///< as in CompileOptions: what is compiled to be measured is not compiled again
  std::function<void(const Tensor&)> release = {};  ///< as in CompileOptions
  CalibrationProgress progress = {};
};

/// The graph's input that cannot be made up, because it is no text's; empty when there is none.
std::string unknown_input(const Graph& graph);

/// Compiles and runs the model's graph in every candidate's way, on the same made-up texts: one short text, and a batch of
/// texts of several lengths. The fastest tenth of the runs counts, after one that does not; those near the best run again in
/// turns, so that a busy moment hits all of them, and what takes three times as long as the best runs once. Fewer threads are tried as long
/// as that stays near the best. A candidate that is unsupported, unavailable, out of memory or lost has that reason instead of figures;
/// where all fail, the first's error is thrown.
Calibration calibrate(const CalibrationModel& model, const Candidates& candidates, const CalibrationOptions& options = {});

}  // namespace accelerate

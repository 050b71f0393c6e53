#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/session.h"
#include "runtime/workload.h"

namespace accelerate::cli {

struct MeasureOptions {
  std::int64_t rounds = 10;    ///< at least
  std::int64_t warmup = 3;     ///< rounds that are not counted
  double seconds = 0;          ///< rounds go on for at least as long
  std::function<void()> poll;  ///< called between rounds; what it throws ends the measurement
};

/// How long each round took, in milliseconds, ascending.
struct Latencies {
  std::vector<double> milliseconds;
  std::vector<std::string> notes = {};  ///< of the rounds, warm-up included (Session::run)

  double median() const { return quantile(0.5); }
  /// By linear interpolation.
  double quantile(double q) const;
};

/// The workload as a graph's inputs: token ids drawn evenly from the model's vocabulary.
TensorMap inputs_of(const Workload& workload, const Session& session);

/// Runs the inputs again and again, and times each round from tensors to tensors.
Latencies measure(const Session& session, const TensorMap& inputs, const MeasureOptions& options);

/// The largest number of bytes of memory that this process has held so far.
std::int64_t peak_resident_bytes();

}  // namespace accelerate::cli

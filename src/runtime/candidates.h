#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "runtime/choice.h"

namespace accelerate {

/// How the caller wants a model to be run.
struct ChoiceOptions {
  std::string backend = "auto";    ///< a backend's name, or auto
  std::string precision = "auto";  ///< a precision's name, or auto
  int threads = 0;                 ///< 0: as many as serve best
  std::string prefer = "latency";  ///< latency, throughput or memory
  double accuracy = 1;             ///< least agreement with float32 that auto may take; 1: float32 itself
};

/// A device with the precision to compute in.
struct Place {
  std::shared_ptr<const Backend> backend;
  Device device;
  Precision precision = Precision::fp32;
};

/// What is not among the candidates, and why.
struct Exclusion {
  std::string backend;
  std::string device;  ///< empty: all of the backend's
  std::string reason;
};

/// The ways to run a model that the caller's options and this machine leave.
struct Candidates {
  std::vector<Place> places;       ///< in order of preference; at least one
  std::vector<int> thread_counts;  ///< those worth trying, the most first; at least one
  int whole_cores = 1;             ///< that this process may use, however many threads each of them runs
  bool fixed = false;              ///< the caller named backend and precision: the first place is it
  Wish wish;
  std::vector<Exclusion> excluded;

  /// Whether there is only one way, so that nothing has to be measured.
  bool single() const { return fixed || (places.size() == 1 && thread_counts.size() == 1); }
};

/// What the caller wants of a candidate. Throws invalid_argument and unsupported as find_candidates does.
Wish wish_of(const ChoiceOptions& options);

/// The candidates among this build's backends. `reference` is one only where it is named or nothing else runs here. Throws
/// invalid_argument for an unknown name or number, unavailable, with the reasons, when the backend, or all of them, have no
/// device here, unsupported for a precision that none of them computes in.
Candidates find_candidates(const ChoiceOptions& options);

/// The same among `backends`.
Candidates find_candidates(const ChoiceOptions& options, std::vector<std::unique_ptr<Backend>> backends);

/// The numbers of threads worth trying: one a logical core, one a whole core, and halves of that down to 1.
std::vector<int> thread_counts(int logical_cores, int whole_cores);

/// Whether the device computes on the machine's processor, where the number of threads matters.
bool is_processor(const Device& device);

}  // namespace accelerate

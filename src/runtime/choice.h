// Which of several ways to run a model is taken, given what each was measured to take. Nothing here measures or looks at the
// machine: the same figures and the same wish always give the same choice.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/precision.h"

namespace accelerate {

/// What matters most to the caller.
enum class Preference : std::uint8_t {
  latency,     ///< milliseconds until one short text is done
  throughput,  ///< tokens a second over large batches
  memory,      ///< bytes that the process holds
};

/// "latency", "throughput" or "memory".
std::string_view name_of(Preference preference);

/// The preference of that name. Throws invalid_argument, listing the names, when there is none.
Preference preference_named(std::string_view name);

/// One way to run a model.
struct Candidate {
  std::string backend;
  std::string device;
  Precision precision = Precision::fp32;
  int threads = 1;

  bool operator==(const Candidate&) const = default;
};

/// "fp32 on cpu with 2 threads"; the device is named where it is not called as its backend.
std::string text_of(const Candidate& candidate);

/// What a candidate was measured to take.
struct Measurement {
  Candidate candidate;
  std::string failure = {};       ///< why it could not run, and has no figures
  double load_milliseconds = 0;   ///< to compile the model
  double latency = 0;             ///< milliseconds for one short text
  double tokens_per_second = 0;   ///< over a large batch of texts of several lengths
  std::int64_t memory_bytes = 0;  ///< that the process held for it beside the model's files
  double agreement = 1;           ///< least likeness of a result to float32's; 1: the same (runtime/agreement.h)
};

struct Wish {
  Preference preference = Preference::latency;
  double accuracy = 1;         ///< least agreement with float32 that is acceptable; 1: float32 itself
  bool any_precision = false;  ///< the caller named the precision, so agreement does not count
};

/// A candidate that was not chosen.
struct RejectedCandidate {
  Candidate candidate;
  std::optional<double> slower = {};  ///< times as long as the chosen one: for a text, or a batch where throughput is wished
  std::optional<double> larger = {};  ///< times as much memory, where that is wished
  std::string reason = {};            ///< why it was out of the question
};

/// Why a session runs as it does.
enum class Reason : std::uint8_t {
  fixed,     ///< the caller named backend and precision
  only,      ///< there was one way
  measured,  ///< the best of those measured
};

/// "fixed", "only" or "measured".
std::string_view name_of(Reason reason);

/// A choice and what else was possible.
struct Choice {
  Reason why = Reason::only;
  Preference preference = Preference::latency;
  std::vector<RejectedCandidate> alternatives = {};  ///< the best first, then those that were out of the question
  std::string note = {};                             ///< what a reader of the answers must know, such as that nothing could be kept
};

/// What is to be run, and the rest.
struct Decision {
  std::size_t chosen = 0;  ///< index into the measurements
  std::vector<RejectedCandidate> alternatives = {};
};

/// The best of the measured candidates. Those within 2 % of the best count as equal, and the first of them is taken: so the
/// measurements stand in order of preference. Nothing when none may be taken.
std::optional<Decision> decide(std::span<const Measurement> measurements, const Wish& wish);

}  // namespace accelerate

#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "backends/backend.h"

namespace accelerate {

/// What is thrown in place of a result.
enum class Fault : std::uint8_t { out_of_memory, device_lost, bad_alloc, invalid_argument };

/// The faults of one backend, by when they strike; runs and compilations are counted from 0 over all its instances.
struct Faults {
  std::map<int, Fault> compilations = {};
  std::map<int, Fault> runs = {};
  std::int64_t most_tokens = std::numeric_limits<std::int64_t>::max();  ///< a run of more is out of memory
  std::set<Op> refused = {};                                            ///< ops that it does not support
};

/// Makes backends that compute as cpu does and fail as they are told, and keeps account of what they were asked.
class FaultyBackends {
 public:
  explicit FaultyBackends(std::map<std::string, Faults, std::less<>> faults) : faults_(std::move(faults)) {}

  /// A backend of that name, with its faults.
  std::unique_ptr<Backend> make(std::string_view name);

  /// "make device, compile device, run device 16, …" where numbers are tokens.
  std::string log() const;

 private:
  friend class FaultyBackend;
  friend class FaultyExecutable;

  bool refuses(const std::string& name, Op op) const;

  /// Notes "`event` `name`" and throws the fault that strikes now, if any.
  void strike(std::string_view event, const std::string& name, std::int64_t tokens = 0);

  std::map<std::string, Faults, std::less<>> faults_;
  std::map<std::string, int> counts_;  ///< of each event of each backend
  std::vector<std::string> events_;
  mutable std::mutex mutex_;
};

}  // namespace accelerate

#pragma once

#include <chrono>
#include <deque>
#include <exception>
#include <mutex>

#include "ipfs_accelerate/endpoint_requests.h"
#include "ipfs_accelerate/endpoint_status.h"

namespace accelerate {

/// Tokens a second over the last ten seconds in which there was work.
class TokenRate {
 public:
  using Clock = std::chrono::steady_clock;

  /// Tokens that were computed from `begin` to `end`.
  void add(std::int64_t tokens, Clock::time_point begin, Clock::time_point end);

  /// 0 while nothing was computed yet.
  double tokens_per_second() const;

 private:
  struct Work {
    std::int64_t tokens;
    double seconds;  ///< that no earlier work overlaps
  };
  std::deque<Work> works_;
  std::int64_t tokens_ = 0;
  double seconds_ = 0;
  Clock::time_point end_ = {};
};

/// Counts what one endpoint does. Threads may use one at once.
class Meter {
 public:
  using Clock = TokenRate::Clock;

  Meter();

  /// What waits or is about to: counted at once so that bounds hold for all callers together.
  struct Room {
    std::size_t most_requests;
    std::int64_t most_tokens;
  };

  /// Takes room for a request. Throws OverloadedError, naming `endpoint`, where there is none, and counts nothing then.
  void admit(const Room& room, const std::string& endpoint);

  /// Adds the tokens of a request that was admitted. Throws OverloadedError where they pass the bound and others wait.
  void admit_tokens(std::int64_t tokens, const Room& room, const std::string& endpoint);

  /// A request does not wait any more, and still had so many tokens waiting.
  void stop_waiting(std::int64_t tokens);

  /// So many of a request's tokens went into a batch; `first`: none of them did before, so it waits no more.
  void start(std::int64_t tokens, bool first);

  /// A request that had started ended.
  void stop_running();

  struct Batch {
    std::int64_t tokens;  ///< of all its callers
    std::size_t texts;
    std::int64_t own_tokens;  ///< of this endpoint's
    std::size_t own_texts;
    Clock::time_point begin;
    Clock::time_point end;
  };
  void count_batch(const Batch& batch);

  /// Tokens that were read or written outside of batches of texts.
  void count_generation(std::int64_t tokens, Clock::time_point begin, Clock::time_point end);

  /// How a request ended, and what it took.
  void count_end(const TaskResult& result);

  /// Seconds until what waits is likely computed; at least 1.
  double drain_seconds() const;

  EndpointStatistics statistics() const;

  /// Seconds since the last request ended, or since this was made.
  double idle_seconds() const;

 private:
  double drain_seconds_locked() const;

  mutable std::mutex mutex_;
  EndpointStatistics counts_;
  TokenRate rate_;
  Clock::time_point last_end_;
};

/// The count that an error belongs to.
std::uint64_t& count_of(OutcomeCounts& counts, const std::exception_ptr& error);

}  // namespace accelerate

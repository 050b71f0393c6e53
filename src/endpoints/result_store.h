#pragma once

#include <chrono>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace accelerate {

struct ResultStoreOptions {
  std::size_t most_bytes = std::size_t{64} << 20;              ///< of names and results together; the oldest go first
  std::chrono::duration<double> keep = std::chrono::hours(1);  ///< for whoever asked
};

/// Results that wait to be fetched, each once. Threads may use one at once.
class ResultStore {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ResultStore(const ResultStoreOptions& options = {}) : options_(options) {}

  /// Keeps a result, in place of one of that name. One that is larger than the bound is not kept.
  void put(const std::string& name, std::string result, Clock::time_point now = Clock::now());

  /// The result of that name, which is then gone; nothing where there is none any more or yet.
  std::optional<std::string> take(std::string_view name, Clock::time_point now = Clock::now());

  std::size_t size() const;
  std::size_t bytes() const;

 private:
  struct Kept {
    std::string name;
    std::string result;
    Clock::time_point since;

    std::size_t bytes() const { return name.size() + result.size(); }
  };
  using Place = std::list<Kept>::iterator;

  void drop(Place place);
  void drop_old(Clock::time_point now);

  const ResultStoreOptions options_;
  mutable std::mutex mutex_;  ///< of the next
  std::list<Kept> kept_;      ///< the oldest first
  std::map<std::string, Place, std::less<>> places_;
  std::size_t bytes_ = 0;
};

}  // namespace accelerate

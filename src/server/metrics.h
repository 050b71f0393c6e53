#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

#include "server/http/site.h"

namespace accelerate::server {

struct Service;

/// "ok", "client_error", "overloaded", "timeout", "cancelled" or "internal": what a status says of a request.
std::string_view outcome_of(int status);

/// Counts requests as they end, and writes all that is known of the server in Prometheus's text format 0.0.4. Labels are names of
/// endpoints, dialects, devices and outcomes, never a text of a request.
class Metrics {
 public:
  void count(const http::Finished& finished);

  std::string text(const Service& service) const;

 private:
  static constexpr std::array bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0};

  struct Durations {
    std::array<std::uint64_t, bounds.size() + 1> counts{};
    double sum = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, std::string>, std::uint64_t> requests_;  ///< by endpoint, dialect and outcome
  std::map<std::string, Durations, std::less<>> seconds_;                                ///< by dialect
  std::uint64_t received_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t broken_ = 0;
};

}  // namespace accelerate::server

#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace accelerate::cli {

/// A line on stderr that shows how far work is, when stderr is a terminal and the work has taken over a second.
class ProgressBar {
 public:
  /// `unit` is what is counted: "texts".
  explicit ProgressBar(std::string unit);
  /// Wipes the line.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(std::size_t done, std::size_t total);

 private:
  using Clock = std::chrono::steady_clock;

  std::string unit_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_ = start_;
};

}  // namespace accelerate::cli

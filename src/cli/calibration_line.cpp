#include "cli/calibration_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/interrupt.h"

namespace accelerate::cli {
namespace {

class Line {
 public:
  Line() = default;
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }

  void show(const Candidate& next, std::size_t done) {
    if (isatty(STDERR_FILENO) != 1) return;
    shown_ = true;
    fmt::print(stderr, "\r\033[Kchoosing how to run, once for this model and machine: {}. {}", done + 1, text_of(next));
    std::fflush(stderr);
  }

 private:
  bool shown_ = false;
};

}  // namespace

CalibrationProgress shown_calibration() {
  return [line = std::make_shared<Line>()](const Candidate& next, std::size_t done) {
    throw_if_interrupted();
    line->show(next, done);
  };
}

}  // namespace accelerate::cli

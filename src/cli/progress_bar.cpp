#include "cli/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace accelerate::cli {
namespace {

constexpr std::size_t width = 30;
constexpr std::chrono::milliseconds quiet_time{1000};
constexpr std::chrono::milliseconds redraw_time{100};

}  // namespace

ProgressBar::ProgressBar(std::string unit) : unit_(std::move(unit)), terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void ProgressBar::update(std::size_t done, std::size_t total) {
  const auto now = Clock::now();
  if (!terminal_ || total == 0 || now - start_ < quiet_time || now - drawn_ < redraw_time) return;
  drawn_ = now;
  shown_ = true;
  const std::size_t filled = std::min(width, width * done / total);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  fmt::print(stderr, "\r\033[K[{:#<{}}{:.<{}}] {}/{} {}  {:.0f} s", "", filled, "", width - filled, done, total, unit_, seconds);
  std::fflush(stderr);
}

}  // namespace accelerate::cli

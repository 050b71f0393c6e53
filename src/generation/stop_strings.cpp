#include "generation/stop_strings.h"

#include <algorithm>
#include <utility>

namespace accelerate {

std::string StopStrings::push(std::string_view text) {
  if (found_) return {};
  held_ += text;
  std::size_t begin = std::string::npos;
  std::size_t length = 0;
  for (const std::string& stop : texts_) {
    const std::size_t at = held_.find(stop);
    // Of those that begin at one place the longest is meant.
    if (at < begin || (at == begin && at != std::string::npos && stop.size() > length)) {
      begin = at;
      length = stop.size();
    }
  }
  if (begin != std::string::npos) {
    found_ = true;
    std::string shown = held_.substr(0, keep_ ? begin + length : begin);
    held_.clear();
    return shown;
  }
  const std::size_t shown_length = held_.size() - held_length();
  std::string shown = held_.substr(0, shown_length);
  held_.erase(0, shown_length);
  return shown;
}

std::string StopStrings::flush() { return std::exchange(held_, {}); }

/// Bytes at the end of the text that are the beginning of a stop string: the most that any of them takes.
std::size_t StopStrings::held_length() const {
  std::size_t longest = 0;
  for (const std::string& stop : texts_) {
    for (std::size_t length = std::min(stop.size() - 1, held_.size()); length > longest; --length) {
      if (!held_.ends_with(std::string_view(stop).substr(0, length))) continue;
      longest = length;
      break;
    }
  }
  return longest;
}

}  // namespace accelerate

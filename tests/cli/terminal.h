#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace accelerate {

/// The program at a terminal of its own, with somebody who types.
class Terminal {
 public:
  /// Starts ipfs-accelerate with these arguments.
  explicit Terminal(const std::vector<std::string>& arguments);

  /// Ends the program where it still runs.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(std::string_view keys);

  /// Reads until `text` was shown, and returns all that was shown since the last time up to its end. Throws when the program
  /// ends first, or shows nothing more for a minute.
  std::string wait_for(std::string_view text);

  /// Waits for the program's end: its exit code, or minus the number of the signal that ended it.
  int wait_for_end();

 private:
  bool read_more();

  int terminal_ = -1;
  pid_t process_ = 0;
  std::string shown_;
};

}  // namespace accelerate

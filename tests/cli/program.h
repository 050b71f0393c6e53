#pragma once

#include <functional>
#include <string>
#include <vector>

namespace accelerate {

/// What a run of the program left.
struct ProgramResult {
  int exit_code = -1;  ///< minus the signal's number when one ended it
  std::string output;
  std::string errors;
};

/// How a run is set up beside its arguments.
struct ProgramOptions {
  std::string input = {};                     ///< standard input
  std::vector<std::string> environment = {};  ///< "NAME=value", added to the test's own
  std::string output = {};                    ///< where standard output goes, instead of being kept
  std::function<int()> signal = {};           ///< asked again and again while it runs; the first signal but 0 is sent to it
};

/// Runs ipfs-accelerate with these arguments and waits for its end.
ProgramResult run_program(const std::vector<std::string>& arguments, const ProgramOptions& options = {});

}  // namespace accelerate

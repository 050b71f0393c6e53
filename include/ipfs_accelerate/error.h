#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace accelerate {

/// What went wrong, as a class that a caller can act on. Each has a stable exit code and, on a server, an HTTP status.
enum class ErrorKind {
  internal,          ///< a broken promise of this library; exit code 1
  invalid_argument,  ///< the caller's option, text or tensor; exit code 2
  not_found,         ///< a file, folder or model that is not there; exit code 3
  invalid_file,      ///< a file that is there and is not what it should be; exit code 4
  unsupported,       ///< a well-formed request for what no part of this build does; exit code 5
  unavailable,       ///< a backend, device or instruction set that this machine lacks; exit code 6
  out_of_memory,     ///< exit code 7
  io,                ///< a read or write that the system refused; exit code 8
  device_lost,       ///< a device that stopped working and must be set up anew; exit code 9
  overloaded,        ///< too much waits already; exit code 10
  timed_out,         ///< the caller's deadline came before the answer; exit code 11
  cancelled,         ///< stopped by the caller; exit code 130
};

/// The error that every function of the library throws: its message names the file, field or option, the value it has
/// and what was expected, in one line.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

/// The process exit code that stands for `kind`; never 0.
int exit_code(ErrorKind kind);

/// The kind's stable name, as it appears in JSON: "invalid_argument", …
std::string_view name_of(ErrorKind kind);

}  // namespace accelerate

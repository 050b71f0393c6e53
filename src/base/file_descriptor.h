#pragma once

#include <cstddef>
#include <filesystem>

#include "ipfs_accelerate/error.h"

namespace accelerate {

/// Closes a POSIX file descriptor when it goes out of scope.
class FileDescriptor {
 public:
  explicit FileDescriptor(int value) : value_(value) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : value_(other.value_) { other.value_ = -1; }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  FileDescriptor& operator=(FileDescriptor&&) = delete;

  int get() const { return value_; }

 private:
  int value_;
};

/// A regular file that is open for reading.
struct OpenedFile {
  FileDescriptor descriptor;
  std::size_t size;  ///< bytes, when it was opened
};

/// Opens `path`. Throws not_found when nothing is there, invalid_file when it is no regular file, io when the system refuses.
OpenedFile open_regular_file(const std::filesystem::path& path);

/// The error for a system call on `path` that failed with `code` (an errno); `action` says what was tried: "read", "write".
Error system_error(const std::filesystem::path& path, const char* action, int code);

}  // namespace accelerate

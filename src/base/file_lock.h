#pragma once

#include <filesystem>

#include "base/file_descriptor.h"

namespace accelerate {

/// Holds a file that one process at a time can hold: the others wait. The system lets go of it when the process ends, however
/// that happens.
class FileLock {
 public:
  /// Makes the file where it is missing, and waits until it is free. Throws io, or not_found without the folder.
  explicit FileLock(const std::filesystem::path& path);

 private:
  FileDescriptor descriptor_;
};

}  // namespace accelerate

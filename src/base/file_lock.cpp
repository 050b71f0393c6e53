#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace accelerate {

FileLock::FileLock(const std::filesystem::path& path) : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (descriptor_.get() < 0) throw system_error(path, "lock", errno);
  while (::flock(descriptor_.get(), LOCK_EX) != 0)
    if (errno != EINTR) throw system_error(path, "lock", errno);
}

}  // namespace accelerate

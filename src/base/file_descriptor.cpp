#include "base/file_descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace accelerate {

FileDescriptor::~FileDescriptor() {
  if (value_ >= 0) ::close(value_);
}

OpenedFile open_regular_file(const std::filesystem::path& path) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  FileDescriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) throw system_error(path, "read", errno);
  struct stat status{};
  if (::fstat(descriptor.get(), &status) != 0) throw system_error(path, "read", errno);
  if (S_ISDIR(status.st_mode)) throw Error(ErrorKind::invalid_file, fmt::format("{}: is a folder, expected a file", path.string()));
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::invalid_file, fmt::format("{}: is not a regular file", path.string()));
  return {.descriptor = std::move(descriptor), .size = static_cast<std::size_t>(status.st_size)};
}

Error system_error(const std::filesystem::path& path, const char* action, int code) {
  if (code == ENOENT || code == ENOTDIR) return {ErrorKind::not_found, fmt::format("{}: no such file or folder", path.string())};
  return {ErrorKind::io, fmt::format("{}: cannot {}: {}", path.string(), action, std::generic_category().message(code))};
}

}  // namespace accelerate

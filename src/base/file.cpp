#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/file_descriptor.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

/// A file that is removed again unless it was given its final name.
class TemporaryFile {
 public:
  /// Creates a hidden file beside `target`.
  explicit TemporaryFile(const fs::path& target) : TemporaryFile(target, free_name(target)) {}

  ~TemporaryFile() {
    if (!kept_) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) throw system_error(target_, "write", errno);
      if (written > 0) bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  /// Puts the bytes on the disk and the file in the target's place.
  void keep() {
    if (::fsync(descriptor_.get()) != 0) throw system_error(target_, "write", errno);
    if (std::rename(path_.c_str(), target_.c_str()) != 0) throw system_error(target_, "write", errno);
    kept_ = true;
    // The new name must survive a power cut too. Some file systems refuse this on folders; the file is whole either way.
    const FileDescriptor folder(::open(target_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() >= 0) static_cast<void>(::fsync(folder.get()));
  }

 private:
  struct Created {
    fs::path path;
    FileDescriptor descriptor;
  };

  static Created free_name(const fs::path& target) {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      fs::path path = target.parent_path() / fmt::format(".{}.{}-{}.tmp", target.filename().string(), ::getpid(), attempt);
      FileDescriptor descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (descriptor.get() >= 0) return {.path = std::move(path), .descriptor = std::move(descriptor)};
      if (errno != EEXIST) throw system_error(target, "write", errno);
    }
    throw Error(ErrorKind::io, fmt::format("{}: cannot write: its folder is full of temporary files", target.string()));
  }

  TemporaryFile(const fs::path& target, Created created)
      : target_(target), path_(std::move(created.path)), descriptor_(std::move(created.descriptor)) {}

  fs::path target_;
  fs::path path_;
  FileDescriptor descriptor_;
  bool kept_ = false;
};

/// Where `path` leads through symbolic links, as an absolute path. Throws io when that is something other than a file:
/// taking the name of a device or pipe would remove it.
fs::path writable_target(const fs::path& path) {
  std::error_code error;
  const fs::path target = fs::weakly_canonical(fs::absolute(path, error), error);
  if (error) throw system_error(path, "write", error.value());
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) throw Error(ErrorKind::io, fmt::format("{}: cannot write: is a folder", path.string()));
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw Error(ErrorKind::io, fmt::format("{}: cannot write: is not a regular file", path.string()));
  return target;
}

}  // namespace

std::string read_text_file(const fs::path& path, std::size_t max_bytes) {
  const OpenedFile file = open_regular_file(path);
  const auto refuse_length = [&] {
    throw Error(ErrorKind::invalid_file, fmt::format("{}: is longer than {} bytes, the most that is read", path.string(), max_bytes));
  };
  if (file.size > max_bytes) refuse_length();
  std::string text(file.size, '\0');
  std::size_t length = 0;
  // The size is only what it was at the start: read to the end that the system reports.
  while (true) {
    if (length == text.size()) text.resize(text.size() + 4096);
    const ssize_t count = ::read(file.descriptor.get(), text.data() + length, text.size() - length);
    if (count < 0 && errno != EINTR) throw system_error(path, "read", errno);
    if (count == 0) break;
    if (count > 0) length += static_cast<std::size_t>(count);
    if (length > max_bytes) refuse_length();
  }
  text.resize(length);
  return text;
}

void write_file_atomically(const fs::path& path, std::span<const std::span<const std::byte>> parts) {
  TemporaryFile file(writable_target(path));
  for (const std::span<const std::byte> part : parts) file.write(part);
  file.keep();
}

bool stays_inside(std::string_view path) {
  const fs::path parts(path);
  return path.find('\0') == std::string_view::npos && !parts.is_absolute() && std::ranges::find(parts, fs::path("..")) == parts.end();
}

}  // namespace accelerate

#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace accelerate {

/// A regular file mapped read-only into memory; unmapped when the last owner goes.
///
/// The pages come from the system's file cache and are shared with every process that maps the file. A file that another
/// process shortens while it is mapped ends this process with SIGBUS: replace model files, never overwrite them.
class MappedFile {
 public:
  /// Maps the whole of `path`. Throws not_found, invalid_file (no regular file, or an empty one) or io, naming the path.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /// The file's contents. A page of zeros follows them, so a kernel may read a vector past the last element.
  std::span<const std::byte> bytes() const { return {data_, size_}; }

  /// Tells the system that the pages which lie wholly in `range` will not be read again, which takes them off this
  /// process's resident size. Reading them all the same brings them back from the file. What is outside the file is ignored.
  void advise_unused(std::span<const std::byte> range) const;

 private:
  MappedFile(const std::byte* data, std::size_t size, std::size_t reserved) : data_(data), size_(size), reserved_(reserved) {}

  const std::byte* data_;
  std::size_t size_;
  std::size_t reserved_;  // bytes of address space, whole pages
};

}  // namespace accelerate

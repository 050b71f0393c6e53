#include "base/mapped_file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "base/file_descriptor.h"

namespace accelerate {
namespace {

std::size_t page_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const OpenedFile file = open_regular_file(path);
  if (file.size == 0) throw Error(ErrorKind::invalid_file, fmt::format("{}: the file is empty", path.string()));

  // The file is laid over the beginning of a longer zero-filled region, whose last page stays readable behind it.
  const std::size_t page = page_size();
  const std::size_t reserved = (file.size + page - 1) / page * page + page;
  void* region = ::mmap(nullptr, reserved, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (region == MAP_FAILED) throw system_error(path, "map", errno);
  std::shared_ptr<const MappedFile> mapped(new MappedFile(static_cast<const std::byte*>(region), file.size, reserved));
  if (::mmap(region, file.size, PROT_READ, MAP_PRIVATE | MAP_FIXED, file.descriptor.get(), 0) == MAP_FAILED)
    throw system_error(path, "map", errno);
  return mapped;
}

MappedFile::~MappedFile() { ::munmap(const_cast<std::byte*>(data_), reserved_); }

void MappedFile::advise_unused(std::span<const std::byte> range) const {
  const auto page = static_cast<std::uintptr_t>(page_size());
  const auto file_begin = reinterpret_cast<std::uintptr_t>(data_);
  const auto range_begin = reinterpret_cast<std::uintptr_t>(range.data());
  const std::uintptr_t begin = (std::max(range_begin, file_begin) + page - 1) / page * page;
  const std::uintptr_t end = std::min(range_begin + range.size(), file_begin + size_) / page * page;
  // It is only advice: a system that does not take it keeps the pages, and nothing else changes.
  if (begin < end) static_cast<void>(::madvise(const_cast<std::byte*>(data_) + (begin - file_begin), end - begin, MADV_DONTNEED));
}

}  // namespace accelerate

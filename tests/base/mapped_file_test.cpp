#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::size_t page_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

/// Kilobytes of this process's mapping that begins at `address` which are resident.
std::size_t resident_kilobytes(const std::byte* address) {
  std::ostringstream begin;
  begin << std::hex << reinterpret_cast<std::uintptr_t>(address) << '-';
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  while (std::getline(maps, line) && !line.starts_with(begin.str())) {
  }
  while (std::getline(maps, line))
    if (line.starts_with("Rss:")) return std::stoul(line.substr(4));
  throw std::runtime_error("the mapping is not listed");
}

TEST(MappedFile, ShowsTheFileAndReadableBytesAfterIt) {
  const TemporaryFolder folder;
  for (const std::size_t size : {std::size_t{1}, std::size_t{100}, page_size(), page_size() + 1}) {
    const std::string text(size, 'x');
    const auto file = MappedFile::open(folder.write("file", text));
    EXPECT_EQ(text_of(file->bytes()), text);
    EXPECT_TRUE(std::all_of(file->bytes().data() + size, file->bytes().data() + size + 64, [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST(MappedFile, OutlivesTheFilesName) {
  const TemporaryFolder folder;
  const auto file = MappedFile::open(folder.write("file", "still here"));
  std::filesystem::remove(folder.path() / "file");
  EXPECT_EQ(text_of(file->bytes()), "still here");
}

TEST(MappedFile, RefusesWithTheReason) {
  const TemporaryFolder folder;
  folder.write("empty", "");
  expect_error(ErrorKind::not_found, "none: no such file", [&] { MappedFile::open(folder.path() / "none"); });
  expect_error(ErrorKind::invalid_file, "is a folder, expected a file", [&] { MappedFile::open(folder.path()); });
  expect_error(ErrorKind::invalid_file, "empty: the file is empty", [&] { MappedFile::open(folder.path() / "empty"); });
  expect_error(ErrorKind::invalid_file, "not a regular file", [&] { MappedFile::open("/dev/null"); });
}

TEST(MappedFile, RefusesWhatMayNotBeRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const TemporaryFolder folder;
  std::filesystem::permissions(folder.write("secret", "x"), std::filesystem::perms::none);
  expect_error(ErrorKind::io, "cannot read: Permission denied", [&] { MappedFile::open(folder.path() / "secret"); });
}

TEST(MappedFile, UnusedPagesAreNoLongerResidentAndStillReadable) {
  const TemporaryFolder folder;
  constexpr std::size_t size = 8 << 20;
  const auto file = MappedFile::open(folder.write("file", std::string(size, 'x')));
  const auto count = [&] { return std::ranges::count(file->bytes(), std::byte{'x'}); };
  EXPECT_EQ(count(), size);
  EXPECT_GE(resident_kilobytes(file->bytes().data()), size / 1024);
  file->advise_unused(file->bytes().first(size / 2));
  EXPECT_LE(resident_kilobytes(file->bytes().data()), size / 2 / 1024);
  EXPECT_EQ(count(), size);
}

TEST(MappedFile, AdviceAboutOtherMemoryIsIgnored) {
  const TemporaryFolder folder;
  const auto file = MappedFile::open(folder.write("file", std::string(2 * page_size(), 'x')));
  std::string other(4 * page_size(), 'y');
  file->advise_unused(std::as_bytes(std::span(other)));
  EXPECT_EQ(std::ranges::count(other, 'y'), std::ssize(other));
}

}  // namespace
}  // namespace accelerate

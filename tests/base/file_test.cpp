#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <iterator>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

void write_text(const std::filesystem::path& path, std::string_view first, std::string_view second = "") {
  const std::array parts{std::as_bytes(std::span(first)), std::as_bytes(std::span(second))};
  write_file_atomically(path, parts);
}

TEST(File, ReadsWhatWasWritten) {
  const TemporaryFolder folder;
  write_text(folder.path() / "a", "one ", "two");
  EXPECT_EQ(read_text_file(folder.path() / "a", 7), "one two");
  write_text(folder.path() / "a", "");
  EXPECT_EQ(read_text_file(folder.path() / "a", 7), "");
  EXPECT_EQ(files_in(folder.path()), 1U) << "a temporary file was left";
}

TEST(File, ReadsFilesOfTheSystemThatHaveNoSize) {
  EXPECT_NE(read_text_file("/proc/self/status", 1 << 20).find("VmRSS"), std::string::npos);
}

TEST(File, ReadingRefusesWithTheReason) {
  const TemporaryFolder folder;
  const auto pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto file = folder.write("file", "12345678");
  expect_error(ErrorKind::not_found, "none: no such file", [&] { read_text_file(folder.path() / "none", 9); });
  expect_error(ErrorKind::not_found, "no such file", [&] { read_text_file(file / "below", 9); });
  expect_error(ErrorKind::invalid_file, "is a folder", [&] { read_text_file(folder.path(), 9); });
  expect_error(ErrorKind::invalid_file, "not a regular file", [&] { read_text_file(pipe, 9); });
  expect_error(ErrorKind::invalid_file, "longer than 7 bytes", [&] { read_text_file(file, 7); });
}

TEST(File, AFailedWriteLeavesEverythingAsItWas) {
  const TemporaryFolder folder;
  const auto taken = folder.path() / "folder";
  std::filesystem::create_directory(taken);
  expect_error(ErrorKind::io, "folder: cannot write: is a folder", [&] { write_text(taken, "x"); });
  expect_error(ErrorKind::io, "not a regular file", [&] { write_text("/dev/null", "x"); });
  expect_error(ErrorKind::not_found, "none/file: no such file or folder", [&] { write_text(folder.path() / "none" / "file", "x"); });
  EXPECT_EQ(files_in(folder.path()), 1U);
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

/// Writes 1200 bytes where the system allows 1000 and ends the process with the error's exit code, or 0 without an error.
[[noreturn]] void write_beyond_the_limit(const std::filesystem::path& file) {
  ::signal(SIGXFSZ, SIG_IGN);  // so that write() fails instead
  const struct rlimit limit{.rlim_cur = 1000, .rlim_max = 1000};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  try {
    write_text(file, std::string(600, 'a'), std::string(600, 'b'));
  } catch (const Error& error) {
    ::_exit(exit_code(error.kind()));
  }
  ::_exit(0);
}

TEST(File, AWriteThatFailsHalfwayLeavesTheOldFile) {
  const TemporaryFolder folder;
  const auto file = folder.write("file", "old");
  EXPECT_EXIT(write_beyond_the_limit(file), testing::ExitedWithCode(exit_code(ErrorKind::io)), "");
  EXPECT_EQ(read_text_file(file, 10), "old");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(File, AnUnwritableFolderIsRefused) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const TemporaryFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  expect_error(ErrorKind::io, "cannot write: Permission denied", [&] { write_text(folder.path() / "file", "x"); });
}

TEST(File, WritingThroughALinkReplacesWhatItLeadsTo) {
  const TemporaryFolder folder;
  folder.write("target", "old");
  std::filesystem::create_symlink("target", folder.path() / "link");
  write_text(folder.path() / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path() / "link"));
  EXPECT_EQ(read_text_file(folder.path() / "target", 10), "new");
}

TEST(File, NewFilesFollowTheUmask) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(0022);
  write_text(folder.path() / "a", "x");
  ::umask(before);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folder.path() / "a").permissions(),
            perms::owner_read | perms::owner_write | perms::group_read | perms::others_read);
}

TEST(File, PathsThatStayInside) {
  for (const char* path : {"", "a", "a/b", "./a", "..a", "a..", "a/...", "1_Pooling"}) EXPECT_TRUE(stays_inside(path)) << path;
  for (const char* path : {"..", "../a", "a/..", "a/../b", "/", "/a", "//a"}) EXPECT_FALSE(stays_inside(path)) << path;
  EXPECT_FALSE(stays_inside(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace accelerate

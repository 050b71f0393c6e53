#include "formats/zip_archive.h"

#include <gtest/gtest.h>

#include "formats/zip_bytes.h"
#include "ipfs_accelerate/error.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

ZipFiles read(const std::string& archive) { return read_stored_zip(std::as_bytes(std::span(archive)), "x.zip"); }

std::string text_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

TEST(ZipArchive, GivesTheBytesOfEachFile) {
  const std::string archive = zip_of({{.name = "a/b", .bytes = "first"}, {.name = "c", .bytes = ""}, {.name = "d", .bytes = "third"}});
  const ZipFiles files = read(archive);
  ASSERT_EQ(files.size(), 3U);
  EXPECT_EQ(text_of(files.at("a/b")), "first");
  EXPECT_EQ(text_of(files.at("c")), "");
  EXPECT_EQ(text_of(files.at("d")), "third");
  EXPECT_EQ(reinterpret_cast<const char*>(files.at("d").data()), archive.data() + archive.find("third")) << "a view, no copy";
  EXPECT_TRUE(read(zip_of({})).empty());
}

TEST(ZipArchive, MayHaveAComment) {
  std::string archive = zip_of({{.name = "a", .bytes = "x"}});
  archive.replace(archive.size() - 2, 2, little_endian(4, 2) + "PK\x05\x06");
  EXPECT_EQ(text_of(read(archive).at("a")), "x");
}

/// The archive with a zip64 record of these numbers before its end record, whose own fields say "see there".
std::string with_zip64(std::string archive, std::uint64_t files, std::uint64_t size, std::uint64_t offset) {
  const std::string end(archive.end() - 22, archive.end());
  archive.resize(archive.size() - 22);
  const std::size_t record = archive.size();
  return archive + "PK\x06\x06" + little_endian(44, 8) + little_endian(0, 12) + little_endian(files, 8) + little_endian(files, 8) +
         little_endian(size, 8) + little_endian(offset, 8) + "PK\x06\x07" + little_endian(0, 4) + little_endian(record, 8) +
         little_endian(1, 4) + end.substr(0, 8) + little_endian(0xffffffff, 4) + little_endian(0xffffffffffffffff, 8) + little_endian(0, 2);
}

TEST(ZipArchive, MayBeZip64) {
  const std::string archive = zip_of({{.name = "a", .bytes = "x"}});
  const std::size_t begin = archive.find("PK\x01\x02");
  const std::size_t size = archive.find("PK\x05\x06") - begin;
  EXPECT_EQ(text_of(read(with_zip64(archive, 1, size, begin)).at("a")), "x");
  const auto refused = [&](std::uint64_t files, std::uint64_t bytes, std::uint64_t offset, std::string_view fragment) {
    expect_error(ErrorKind::invalid_file, fragment, [&] { read(with_zip64(archive, files, bytes, offset)); });
  };
  refused(2, size, begin, "x.zip: byte 47: expected zip directory of 4 bytes, but 0 are left");
  refused(0, size, begin, "47 bytes follow the last entry of the zip directory");
  refused(~std::uint64_t{0}, size, begin, "lists 18446744073709551615 files, expected at most 1000000");
  refused(1, ~std::uint64_t{0}, begin, "does not end before byte");
  refused(1, size, ~std::uint64_t{0}, "does not end before byte");
}

TEST(ZipArchive, WhatIsWrongIsNamed) {
  const struct {
    const char* what;
    std::string archive;
    ErrorKind kind;
    const char* fragment;
  } cases[] = {
      {"nothing", "", ErrorKind::invalid_file, "x.zip: has no zip directory at its end"},
      {"no end", zip_of({{.name = "a", .bytes = "x"}}) + "y", ErrorKind::invalid_file, "has no zip directory at its end"},
      {"compressed", zip_of({{.name = "a", .bytes = "x", .method = 8}}), ErrorKind::unsupported, "'a' is compressed (method 8)"},
      {"encrypted", zip_of({{.name = "a", .bytes = "x", .flags = 1}}), ErrorKind::unsupported, "'a' is encrypted"},
      {"two names", zip_of({{.name = "a", .bytes = "x", .local_name = "b"}}), ErrorKind::invalid_file, "'a' has another name"},
      {"two methods", zip_of({{.name = "a", .bytes = "x", .local_method = 8}}), ErrorKind::invalid_file, "compressed by its local header"},
      {"one name twice", zip_of({{.name = "a", .bytes = "x"}, {.name = "a", .bytes = "y"}}), ErrorKind::invalid_file, "has two files 'a'"},
      {"too long", zip_of({{.name = "a", .bytes = "x", .size = 2}}), ErrorKind::invalid_file, "'a' has 2 bytes, but only 1 follow"},
      {"overlap", zip_of({{.name = "a", .bytes = "x", .size = 20}, {.name = "b", .bytes = "y"}}), ErrorKind::invalid_file,
       "'b' begins inside 'a'"},
      {"one file in two", zip_of({{.name = "a", .bytes = "x"}, {.name = "b", .bytes = "y", .local_name = "a", .shift = -32}}),
       ErrorKind::invalid_file, "'b' has another name"},
      {"header in the directory", zip_of({{.name = "a", .bytes = "x", .shift = 10}}), ErrorKind::invalid_file,
       "'a' begins at byte 10, behind"},
      {"header elsewhere", zip_of({{.name = "a", .bytes = std::string(40, 'x'), .shift = 5}}), ErrorKind::invalid_file,
       "'a' has no local header at byte 5"},
      {"header at the end", zip_of({{.name = "a", .bytes = "x", .shift = 0xfffffff0}}), ErrorKind::invalid_file, "behind the files"},
      {"zip64 size without its field", zip_of({{.name = "a", .bytes = "x", .size = 0xffffffff}}), ErrorKind::invalid_file,
       "expected a zip64 field"},
  };
  for (const auto& wrong : cases) {
    SCOPED_TRACE(wrong.what);
    expect_error(wrong.kind, wrong.fragment, [&] { read(wrong.archive); });
  }
}

TEST(ZipArchive, CutAnywhereItIsRefused) {
  const std::string archive = zip_of({{.name = "a", .bytes = "first"}, {.name = "b", .bytes = "second"}});
  for (std::size_t length = 0; length < archive.size(); ++length)
    expect_error(ErrorKind::invalid_file, "x.zip: ", [&] { read(archive.substr(0, length)); });
}

}  // namespace
}  // namespace accelerate

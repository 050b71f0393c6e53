#include "formats/zip_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/byte_reader.h"
#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t local_signature = 0x04034b50;
constexpr std::uint32_t directory_signature = 0x02014b50;
constexpr std::uint32_t end_signature = 0x06054b50;
constexpr std::uint32_t end64_signature = 0x06064b50;
constexpr std::uint32_t locator64_signature = 0x07064b50;
constexpr std::size_t end_bytes = 22;  // of the record at the archive's end, without its comment
constexpr std::size_t locator64_bytes = 20;
constexpr std::size_t local_bytes = 30;  // of a local header, without name and extra fields
constexpr std::uint16_t zip64_field = 1;
constexpr std::uint64_t max_files = 1'000'000;

// A field of 16 or 32 bits that holds only ones stands for "see the zip64 record".
constexpr std::uint64_t elsewhere16 = 0xffff;
constexpr std::uint64_t elsewhere32 = 0xffffffff;

/// Where the directory of an archive lies, and how many files it lists.
struct Directory {
  std::uint64_t files = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;
  std::uint64_t limit = 0;  // where the records after it begin
};

/// A file as the directory describes it.
struct Listed {
  std::string name;
  std::uint64_t header = 0;  // offset of its local header
  std::uint64_t size = 0;
  std::uint64_t end = 0;  // of its bytes
};

[[noreturn]] void refuse(const std::string& source, std::string_view reason, ErrorKind kind = ErrorKind::invalid_file) {
  throw Error(kind, fmt::format("{}: {}", source, reason));
}

ByteReader reader_at(Bytes archive, const std::string& source, std::uint64_t offset) {
  ByteReader reader(archive, source);
  reader.take(offset, "a zip record");
  return reader;
}

/// The offset of the end record: the last place whose comment ends where the archive does.
std::size_t find_end(Bytes archive, const std::string& source) {
  const std::size_t least = archive.size() > end_bytes + elsewhere16 ? archive.size() - end_bytes - elsewhere16 : 0;
  for (std::size_t at = archive.size() >= end_bytes ? archive.size() - end_bytes + 1 : 0; at-- > least;) {
    ByteReader reader = reader_at(archive, source, at);
    if (reader.number<std::uint32_t>("zip record") != end_signature) continue;
    reader.take(end_bytes - 6, "zip record");
    if (reader.number<std::uint16_t>("zip record") == archive.size() - at - end_bytes) return at;
  }
  refuse(source, "has no zip directory at its end: the file is cut short or damaged");
}

/// Replaces `directory` by what the zip64 record before the end record at `end` says, where there is one.
void read_zip64(Bytes archive, const std::string& source, std::size_t end, Directory& directory) {
  if (end < locator64_bytes) return;
  ByteReader locator = reader_at(archive, source, end - locator64_bytes);
  if (locator.number<std::uint32_t>("zip64 locator") != locator64_signature) return;
  locator.take(4, "zip64 locator");
  const auto offset = locator.number<std::uint64_t>("zip64 locator");
  ByteReader record = reader_at(archive, source, offset);
  if (record.number<std::uint32_t>("zip64 record") != end64_signature) record.refuse("expected a zip64 record");
  record.take(28, "zip64 record");
  directory.files = record.number<std::uint64_t>("zip64 record");
  directory.size = record.number<std::uint64_t>("zip64 record");
  directory.offset = record.number<std::uint64_t>("zip64 record");
  directory.limit = offset;
}

Directory find_directory(Bytes archive, const std::string& source) {
  const std::size_t end = find_end(archive, source);
  ByteReader reader = reader_at(archive, source, end + 10);
  Directory directory;
  directory.files = reader.number<std::uint16_t>("zip record");
  directory.size = reader.number<std::uint32_t>("zip record");
  directory.offset = reader.number<std::uint32_t>("zip record");
  directory.limit = end;
  read_zip64(archive, source, end, directory);
  if (directory.files > max_files)
    refuse(source, fmt::format("its zip directory lists {} files, expected at most {}", directory.files, max_files));
  if (directory.offset > directory.limit || directory.size > directory.limit - directory.offset)
    refuse(source, fmt::format("its zip directory of {} bytes at byte {} does not end before byte {}", directory.size, directory.offset,
                               directory.limit));
  return directory;
}

/// The next value of a zip64 field for `value` when that stands for "see there".
std::uint64_t widened(std::uint64_t value, std::optional<ByteReader>& zip64, const ByteReader& reader) {
  if (value != elsewhere32) return value;
  if (!zip64) reader.refuse("expected a zip64 field for a size of more than 32 bits");
  return zip64->number<std::uint64_t>("zip64 field");
}

std::optional<ByteReader> zip64_of(Bytes extra, const std::string& source) {
  ByteReader fields(extra, fmt::format("{}: extra fields of the zip directory", source));
  while (fields.left() >= 4) {
    const auto kind = fields.number<std::uint16_t>("extra field");
    const Bytes field = fields.take(fields.number<std::uint16_t>("extra field"), "extra field");
    if (kind == zip64_field) return ByteReader(field, fields.source());
  }
  return std::nullopt;
}

Listed read_entry(ByteReader& reader) {
  if (reader.number<std::uint32_t>("zip directory") != directory_signature) reader.refuse("expected an entry of the zip directory");
  reader.take(4, "zip directory");
  const auto flags = reader.number<std::uint16_t>("zip directory");
  const auto method = reader.number<std::uint16_t>("zip directory");
  reader.take(8, "zip directory");
  const std::uint64_t stored = reader.number<std::uint32_t>("zip directory");
  const std::uint64_t size = reader.number<std::uint32_t>("zip directory");
  const auto name_length = reader.number<std::uint16_t>("zip directory");
  const auto extra_length = reader.number<std::uint16_t>("zip directory");
  const auto comment_length = reader.number<std::uint16_t>("zip directory");
  reader.take(8, "zip directory");
  const std::uint64_t header = reader.number<std::uint32_t>("zip directory");
  Listed file{.name = std::string(reader.take_text(name_length, "file name"))};
  std::optional<ByteReader> zip64 = zip64_of(reader.take(extra_length, "extra fields"), reader.source());
  reader.take(comment_length, "comment");

  if ((flags & 1) != 0) refuse(reader.source(), fmt::format("{} is encrypted", in_quotes(file.name)), ErrorKind::unsupported);
  if (method != 0)
    refuse(reader.source(), fmt::format("{} is compressed (method {}), expected files stored as they are", in_quotes(file.name), method),
           ErrorKind::unsupported);
  file.size = widened(size, zip64, reader);
  if (widened(stored, zip64, reader) != file.size)
    refuse(reader.source(), fmt::format("{} has two sizes in the zip directory", in_quotes(file.name)));
  file.header = widened(header, zip64, reader);
  return file;
}

/// The file's bytes, found through its local header, which must agree with the directory.
Bytes locate(Bytes archive, const std::string& source, std::uint64_t directory_begin, Listed& file) {
  const auto damaged = [&](std::string_view reason) { refuse(source, fmt::format("{} {}", in_quotes(file.name), reason)); };
  if (file.header > directory_begin || directory_begin - file.header < local_bytes)
    damaged(fmt::format("begins at byte {}, behind the files", file.header));
  ByteReader reader(archive.first(directory_begin), source);
  reader.take(file.header, "local header");
  if (reader.number<std::uint32_t>("local header") != local_signature) damaged(fmt::format("has no local header at byte {}", file.header));
  reader.take(4, "local header");
  if (reader.number<std::uint16_t>("local header") != 0) damaged("is compressed by its local header, but not by the directory");
  reader.take(16, "local header");
  const auto name_length = reader.number<std::uint16_t>("local header");
  const auto extra_length = reader.number<std::uint16_t>("local header");
  if (reader.take_text(name_length, "file name") != file.name) damaged("has another name in its local header");
  reader.take(extra_length, "extra fields");
  if (file.size > reader.left()) damaged(fmt::format("has {} bytes, but only {} follow", file.size, reader.left()));
  const Bytes bytes = reader.take(file.size, "file");
  file.end = reader.position();
  return bytes;
}

}  // namespace

ZipFiles read_stored_zip(Bytes archive, const std::string& source) {
  const Directory directory = find_directory(archive, source);
  ByteReader reader(archive.subspan(directory.offset, directory.size), source);
  std::vector<Listed> listed;
  for (std::uint64_t i = 0; i < directory.files; ++i) listed.push_back(read_entry(reader));
  if (reader.left() != 0) refuse(source, fmt::format("{} bytes follow the last entry of the zip directory", reader.left()));

  ZipFiles files;
  for (Listed& file : listed)
    if (!files.emplace(file.name, locate(archive, source, directory.offset, file)).second)
      refuse(source, fmt::format("has two files {}", in_quotes(file.name)));
  std::ranges::sort(listed, {}, &Listed::header);
  for (std::size_t i = 1; i < listed.size(); ++i)
    if (listed[i].header < listed[i - 1].end)
      refuse(source, fmt::format("{} begins inside {}", in_quotes(listed[i].name), in_quotes(listed[i - 1].name)));
  return files;
}

}  // namespace accelerate

#include "cli/line_reader.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "cli/interrupt.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cli {
namespace {

constexpr std::size_t block_bytes = 256 << 10;
constexpr std::size_t longest_line = 64 << 20;

/// Reads up to bytes.size() bytes at `offset`; 0 where the file ends.
std::size_t read_at(const std::filesystem::path& path, int descriptor, std::span<char> bytes, std::uint64_t offset) {
  while (true) {
    const ssize_t count = ::pread(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) throw system_error(path, "read", errno);
  }
}

}  // namespace

LineReader::LineReader(const std::filesystem::path& path) : path_(path), file_(open_regular_file(path)) {}

bool LineReader::fill() {
  throw_if_interrupted();
  buffer_.erase(0, begin_);
  begin_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + block_bytes);
  const std::size_t count =
      read_at(path_, file_.descriptor.get(), std::span(buffer_).subspan(kept), place_.bytes + static_cast<std::uint64_t>(kept));
  buffer_.resize(kept + count);
  return count > 0;
}

bool LineReader::next(std::string& line) {
  std::size_t end = buffer_.find('\n', begin_);
  while (end == std::string::npos) {
    const std::size_t searched = buffer_.size() - begin_;
    if (searched > longest_line)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("{} line {}: is longer than {} bytes", path_.string(), place_.lines + 1, longest_line));
    if (!fill()) break;
    end = buffer_.find('\n', searched);
  }
  const bool has_end = end != std::string::npos;
  if (!has_end && begin_ == buffer_.size()) return false;
  const std::size_t length = (has_end ? end : buffer_.size()) - begin_;
  const std::size_t taken = length + (has_end ? 1 : 0);
  line.assign(buffer_, begin_, length);

  Hash hash(place_.hash);
  hash.add(std::as_bytes(std::span(buffer_).subspan(begin_, taken)));
  place_ = {.lines = place_.lines + 1, .bytes = place_.bytes + taken, .hash = hash.value()};
  begin_ += taken;
  return true;
}

bool LineReader::skip_to(const LinePlace& place) {
  Hash hash(place_.hash);
  std::string block(block_bytes, '\0');
  char last = '\n';
  for (std::uint64_t at = place_.bytes; at < place.bytes;) {
    throw_if_interrupted();
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), place.bytes - at));
    const std::size_t count = read_at(path_, file_.descriptor.get(), std::span(block).first(wanted), at);
    if (count == 0) return false;
    hash.add(std::as_bytes(std::span(block).first(count)));
    last = block[count - 1];
    at += count;
  }
  if (hash.value() != place.hash) return false;
  char beyond = 0;
  if (last != '\n' && read_at(path_, file_.descriptor.get(), std::span(&beyond, 1), place.bytes) > 0) return false;
  place_ = place;
  buffer_.clear();
  begin_ = 0;
  return true;
}

std::uint64_t LineReader::count_lines() const {
  std::string block(block_bytes, '\0');
  std::uint64_t lines = 0;
  char last = '\n';
  for (std::uint64_t at = place_.bytes;;) {
    throw_if_interrupted();
    const std::size_t count = read_at(path_, file_.descriptor.get(), std::span(block), at);
    if (count == 0) return lines + (last == '\n' ? 0 : 1);
    lines += static_cast<std::uint64_t>(std::count(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(count), '\n'));
    last = block[count - 1];
    at += count;
  }
}

}  // namespace accelerate::cli

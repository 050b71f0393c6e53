#include "base/byte_reader.h"

#include <fmt/format.h>

#include "ipfs_accelerate/error.h"

namespace accelerate {

std::span<const std::byte> ByteReader::take(std::uint64_t count, std::string_view what) {
  if (count > left()) refuse(fmt::format("expected {} of {} bytes, but {} are left", what, count, left()));
  const std::span<const std::byte> taken = bytes_.subspan(position_, static_cast<std::size_t>(count));
  position_ += taken.size();
  return taken;
}

std::string_view ByteReader::take_text(std::uint64_t count, std::string_view what) {
  const std::span<const std::byte> taken = take(count, what);
  return {reinterpret_cast<const char*>(taken.data()), taken.size()};
}

std::string_view ByteReader::take_line(std::string_view what) {
  const std::span<const std::byte> rest = bytes_.subspan(position_);
  const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) refuse(fmt::format("expected {} and the end of its line", what));
  position_ += end + 1;
  return text.substr(0, end);
}

void ByteReader::refuse(std::string_view reason) const {
  throw Error(ErrorKind::invalid_file, fmt::format("{}: byte {}: {}", source_, position_, reason));
}

}  // namespace accelerate

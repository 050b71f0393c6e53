#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace accelerate {

/// Reads numbers and runs of bytes one after another, never past their end. What it hands out are views of the bytes.
class ByteReader {
 public:
  /// `source` begins the messages: the file's name and, where there is one, the part of the file.
  ByteReader(std::span<const std::byte> bytes, std::string source) : bytes_(bytes), source_(std::move(source)) {}

  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }
  const std::string& source() const { return source_; }

  /// The next number, least byte first. Throws invalid_file, naming `what` was expected, where too few bytes are left.
  template <std::unsigned_integral T>
  T number(std::string_view what) {
    T value = 0;
    const std::span<const std::byte> taken = take(sizeof(T), what);
    for (std::size_t i = sizeof(T); i-- > 0;) value = static_cast<T>(static_cast<std::uint64_t>(value) << 8 | std::to_integer<T>(taken[i]));
    return value;
  }

  /// The next `count` bytes. Throws as number() does.
  std::span<const std::byte> take(std::uint64_t count, std::string_view what);

  /// The next `count` bytes as text, whatever they are. Throws as number() does.
  std::string_view take_text(std::uint64_t count, std::string_view what);

  /// The text up to the next line feed, which is skipped. Throws as number() does where there is none.
  std::string_view take_line(std::string_view what);

  /// Throws invalid_file: "source: byte N: reason", where N is where reading stands.
  [[noreturn]] void refuse(std::string_view reason) const;

 private:
  std::span<const std::byte> bytes_;
  std::string source_;
  std::size_t position_ = 0;
};

}  // namespace accelerate

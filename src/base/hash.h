#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace accelerate {

/// 64 bits that depend on every byte added (FNV-1a). They tell things apart that nobody made to collide.
class Hash {
 public:
  Hash() = default;

  /// Goes on from the value of another hash.
  explicit Hash(std::uint64_t value) : value_(value) {}

  void add(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) value_ = (value_ ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3U;
  }
  void add(std::string_view text) {
    add(std::as_bytes(std::span(text)));
    add(std::as_bytes(std::span("\0", 1)));  // "a", "b" is not "ab"
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325U;
};

}  // namespace accelerate

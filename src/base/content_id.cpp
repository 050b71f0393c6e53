#include "base/content_id.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/sha256.h"

namespace accelerate {
namespace {

/// RFC 4648's base32 in lower case, without padding.
std::string base32(std::span<const unsigned char> bytes) {
  constexpr std::string_view digits = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (const unsigned char byte : bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 5; count -= 5) text += digits[bits >> (count - 5) & 31];
  }
  if (count > 0) text += digits[bits << (5 - count) & 31];
  return text;
}

}  // namespace

std::string content_id(std::span<const std::byte> bytes) {
  constexpr std::array<unsigned char, 4> head{1, 0x55, 0x12, 32};  // version, raw bytes, SHA-256, its length
  const Sha256 digest = sha256(bytes);
  std::array<unsigned char, head.size() + digest.size()> id{};
  std::copy(head.begin(), head.end(), id.begin());
  std::copy(digest.begin(), digest.end(), id.begin() + head.size());
  std::string text = "b";  // base32's letter
  text += base32(id);
  return text;
}

std::string content_id(std::string_view text) { return content_id(std::as_bytes(std::span(text))); }

}  // namespace accelerate

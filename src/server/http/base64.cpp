#include "server/http/base64.h"

#include <openssl/evp.h>

#include <algorithm>

namespace accelerate::http {
namespace {

constexpr std::size_t block = 3 << 20;  // EVP counts in int

}  // namespace

std::string base64(std::span<const std::byte> bytes) {
  std::string result(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  std::size_t length = 0;
  for (std::size_t begin = 0; begin < bytes.size(); begin += block) {
    const std::span<const std::byte> part = bytes.subspan(begin, std::min(block, bytes.size() - begin));
    length += static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()) + length,
                                                       reinterpret_cast<const unsigned char*>(part.data()), static_cast<int>(part.size())));
  }
  result.resize(length);
  return result;
}

std::optional<std::string> base64_decoded(std::string_view text) {
  std::string padded(text);
  while (padded.ends_with('=')) padded.pop_back();
  const std::size_t kept = padded.size();
  if (kept % 4 == 1 || padded.find_first_of("=\r\n\t ") != std::string::npos || kept > (1U << 30)) return std::nullopt;
  padded.resize((kept + 3) / 4 * 4, '=');
  std::string result(padded.size() / 4 * 3 + 1, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(result.data()), reinterpret_cast<const unsigned char*>(padded.data()),
                                     static_cast<int>(padded.size()));
  if (length < 0) return std::nullopt;
  result.resize(static_cast<std::size_t>(length) - (padded.size() - kept));
  return result;
}

}  // namespace accelerate::http

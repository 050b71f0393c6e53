#include "backends/openvino/digest.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <vector>

namespace accelerate::openvino {
namespace {

constexpr std::size_t piece_bytes = std::size_t{4} << 20;

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

Digest sha256(std::span<const std::byte> bytes) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

}  // namespace

std::string digest_of(std::span<const std::byte> bytes, ThreadPool& threads) {
  std::vector<Digest> digests(std::max<std::size_t>(1, (bytes.size() + piece_bytes - 1) / piece_bytes));
  const ThreadPool::Place place(threads);
  threads.parallel_for(static_cast<std::int64_t>(digests.size()), [&](std::int64_t piece, int) {
    const std::size_t first = static_cast<std::size_t>(piece) * piece_bytes;
    digests[static_cast<std::size_t>(piece)] = sha256(bytes.subspan(first, std::min(piece_bytes, bytes.size() - first)));
  });
  std::string text;
  for (const unsigned char byte : sha256(std::as_bytes(std::span(digests)))) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace accelerate::openvino

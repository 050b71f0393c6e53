#include "backends/openvino/digest.h"

#include <fmt/format.h>
#include <algorithm>
#include <vector>

#include "base/sha256.h"

namespace accelerate::openvino {
namespace {

constexpr std::size_t piece_bytes = std::size_t{4} << 20;

}  // namespace

std::string digest_of(std::span<const std::byte> bytes, ThreadPool& threads) {
  std::vector<Sha256> digests(std::max<std::size_t>(1, (bytes.size() + piece_bytes - 1) / piece_bytes));
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

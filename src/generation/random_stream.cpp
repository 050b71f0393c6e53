#include "generation/random_stream.h"

namespace accelerate {
namespace {

constexpr std::uint64_t first_multiplier = 0xD2511F53;
constexpr std::uint64_t second_multiplier = 0xCD9E8D57;
constexpr std::uint32_t first_step = 0x9E3779B9;
constexpr std::uint32_t second_step = 0xBB67AE85;
constexpr int rounds = 10;

constexpr std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
constexpr std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32U); }

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t first = first_multiplier * counter[0];
    const std::uint64_t second = second_multiplier * counter[2];
    counter = {high(second) ^ counter[1] ^ key[0], low(second), high(first) ^ counter[3] ^ key[1], low(first)};
    key = {key[0] + first_step, key[1] + second_step};
  }
  return counter;
}

double RandomStream::uniform(std::uint64_t place) const {
  const auto block = philox({low(place), high(place), low(request_), high(request_)}, {low(seed_), high(seed_)});
  const std::uint64_t bits = (std::uint64_t{block[0]} << 32U | block[1]) >> 11U;
  return static_cast<double>(bits) * 0x1p-53;
}

}  // namespace accelerate

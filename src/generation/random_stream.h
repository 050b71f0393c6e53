#pragma once

#include <array>
#include <cstdint>

namespace accelerate {

/// Random numbers that depend on a seed, a request's number and their place alone, so that a text is the same in whatever
/// company it is generated: Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3".
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint64_t request) : seed_(seed), request_(request) {}

  /// The number at `place`, uniform in [0, 1), of 53 bits.
  double uniform(std::uint64_t place) const;

 private:
  std::uint64_t seed_;
  std::uint64_t request_;
};

/// The generator's block for a counter and a key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

}  // namespace accelerate

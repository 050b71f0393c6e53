#pragma once

#include <cstdint>

namespace accelerate {

/// How much of the machine other processes use while this lives.
class OthersUse {
 public:
  OthersUse();

  /// The share of all processor time, from 0 to 1, that others have used since; 0 where the system does not tell.
  double share() const;

 private:
  /// Ticks of processor time since the machine started, and of them those that anyone and this process used.
  struct Ticks {
    std::int64_t all = 0;
    std::int64_t used = 0;
    std::int64_t own = 0;
  };
  static Ticks now();

  Ticks start_;
};

}  // namespace accelerate

// Rotary positions. A model spends no time here beside its products, so plain loops, which compilers turn into vectors, do.
#include "backends/cpu/rope.h"

#include <algorithm>

namespace accelerate::cpu {
namespace {

void turn_halves(const float* x, const float* cosines, const float* sines, std::int64_t pairs, float* y) {
  for (std::int64_t i = 0; i < pairs; ++i) {
    y[i] = x[i] * cosines[i] - x[i + pairs] * sines[i];
    y[i + pairs] = x[i + pairs] * cosines[i] + x[i] * sines[i];
  }
}

void turn_neighbours(const float* x, const float* cosines, const float* sines, std::int64_t pairs, float* y) {
  for (std::int64_t i = 0; i < pairs; ++i) {
    y[2 * i] = x[2 * i] * cosines[i] - x[2 * i + 1] * sines[i];
    y[2 * i + 1] = x[2 * i + 1] * cosines[i] + x[2 * i] * sines[i];
  }
}

}  // namespace

void turn_rows(const RopeArguments& a, RopeOptions options) {
  const auto turn = options.interleaved ? turn_neighbours : turn_halves;
  for (std::int64_t row = 0; row < a.rows; ++row) {
    for (std::int64_t head = 0; head < a.heads; ++head) {
      const float* x = a.x + row * a.x_stride + head * a.size;
      float* y = a.y + row * a.y_stride + head * a.size;
      turn(x, a.cosines + row * a.cosines_stride, a.sines + row * a.sines_stride, a.pairs, y);
      std::copy(x + 2 * a.pairs, x + a.size, y + 2 * a.pairs);
    }
  }
}

}  // namespace accelerate::cpu

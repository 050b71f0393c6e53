#pragma once

#include <cstdint>

#include "graph/options.h"

namespace accelerate::cpu {

/// Rows of every argument of rope, the elements from row to row apart by its stride.
struct RopeArguments {
  const float* x;  ///< [rows, heads · size]
  const float* cosines;
  const float* sines;
  float* y;
  std::int64_t x_stride;
  std::int64_t cosines_stride;
  std::int64_t sines_stride;
  std::int64_t y_stride;
  std::int64_t rows;
  std::int64_t heads;
  std::int64_t size;
  std::int64_t pairs;
};

/// Writes y, which must not overlap x.
void turn_rows(const RopeArguments& arguments, RopeOptions options);

}  // namespace accelerate::cpu

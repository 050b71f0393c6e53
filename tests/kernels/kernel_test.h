// What the kernel tests share: every level that this machine has as a test parameter, and plain matrices.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "backends/cpu/isa.h"
#include "backends/cpu/kernels/kernel_table.h"

namespace accelerate::cpu {

inline std::vector<Isa> usable_levels() {
  std::vector<Isa> levels;
  for (const IsaSupport& support : isa_support()) {
    if (support.usable) levels.push_back(support.isa);
  }
  return levels;
}

/// A test that runs once for each level, with that level's table.
class KernelTest : public testing::TestWithParam<Isa> {
 protected:
  const KernelTable& table() const { return kernels_of(GetParam()); }
};

#define INSTANTIATE_FOR_USABLE_LEVELS(suite)                                  \
  INSTANTIATE_TEST_SUITE_P(Levels, suite, testing::ValuesIn(usable_levels()), \
                           [](const testing::TestParamInfo<Isa>& level) { return std::string(name_of(level.param)); })

/// Rows of floats with a stride; what lies between the rows is NaN, so that reading it shows.
struct Matrix {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t stride;
  std::vector<float> values;

  Matrix(std::int64_t row_count, std::int64_t column_count, std::int64_t gap = 0)
      : rows(row_count),
        columns(column_count),
        stride(column_count + gap),
        values(static_cast<std::size_t>(rows * stride), std::numeric_limits<float>::quiet_NaN()) {}

  static Matrix random(std::int64_t rows, std::int64_t columns, std::uint32_t seed, std::int64_t gap = 0, float spread = 1.0F) {
    Matrix matrix(rows, columns, gap);
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(0.0F, spread);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) matrix.at(row, column) = normal(generator);
    }
    return matrix;
  }

  float& at(std::int64_t row, std::int64_t column) { return values[static_cast<std::size_t>(row * stride + column)]; }
  float at(std::int64_t row, std::int64_t column) const { return values[static_cast<std::size_t>(row * stride + column)]; }
  float* data() { return values.data(); }
  const float* data() const { return values.data(); }
};

/// Aligned bytes of exactly the size that a kernel asked for, so that AddressSanitizer sees a write past them.
class Memory {
 public:
  explicit Memory(std::int64_t bytes)
      : bytes_(static_cast<std::byte*>(::operator new(static_cast<std::size_t>(bytes), std::align_val_t{64}))) {}
  std::byte* data() const { return bytes_.get(); }

 private:
  struct Free {
    void operator()(std::byte* bytes) const { ::operator delete(bytes, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte, Free> bytes_;
};

}  // namespace accelerate::cpu

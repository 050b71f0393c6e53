// AMX's tiles in plain C++: 16 rows of 64 bytes each, and products in the order of Intel's description of TDPBF16PS and
// TDPBUSD (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2).
#pragma once

#include "dot_emulated.h"

namespace accelerate::cpu {
namespace {

class EmulatedTiles {
 public:
  void configure(std::int64_t upper, std::int64_t lower) {
    for (const int tile : {0, 1, 4}) rows_[tile] = upper;
    for (const int tile : {2, 3, 5}) rows_[tile] = lower > 0 ? lower : 1;
    for (const int tile : {6, 7}) rows_[tile] = 16;
  }

  template <int tile>
  void zero() {
    __builtin_memset(bytes_[tile], 0, sizeof(bytes_[tile]));
  }

  template <int tile>
  void load(const std::byte* from, std::int64_t stride) {
    zero<tile>();
    for (std::int64_t row = 0; row < rows_[tile]; ++row) __builtin_memcpy(bytes_[tile][row], from + row * stride, 64);
  }

  template <int tile>
  void stream(const std::byte* from, std::int64_t stride) {
    load<tile>(from, stride);
  }

  template <int tile>
  void store(std::byte* to, std::int64_t stride) {
    for (std::int64_t row = 0; row < rows_[tile]; ++row) __builtin_memcpy(to + row * stride, bytes_[tile][row], 64);
  }

  template <bool bytes, bool has_lower>
  void add_products() {
    if constexpr (bytes) {
      add_all<std::int32_t, has_lower>(plain_byte_quad);
    } else {
      add_all<float, has_lower>(plain_bfloat16_pair);
    }
  }

 private:
  template <class Sum, bool has_lower, class Product>
  void add_all(Product product) {
    add_one<Sum>(0, 4, 6, product);
    add_one<Sum>(1, 4, 7, product);
    if constexpr (has_lower) {
      add_one<Sum>(2, 5, 6, product);
      add_one<Sum>(3, 5, 7, product);
    }
  }

  template <class Sum, class Product>
  void add_one(int sums, int left, int right, Product product) {
    for (std::int64_t row = 0; row < rows_[sums]; ++row) {
      for (int step = 0; step < 16; ++step) {
        for (int column = 0; column < 16; ++column) {
          Sum sum;
          __builtin_memcpy(&sum, bytes_[sums][row] + 4 * column, sizeof(sum));
          sum = product(sum, bytes_[left][row] + 4 * step, bytes_[right][step] + 4 * column);
          __builtin_memcpy(bytes_[sums][row] + 4 * column, &sum, sizeof(sum));
        }
      }
    }
  }

  std::int64_t rows_[8] = {};
  std::byte bytes_[8][16][64] = {};
};

}  // namespace
}  // namespace accelerate::cpu

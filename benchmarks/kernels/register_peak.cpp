#include "register_peak.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace accelerate::cpu {
namespace {

constexpr std::int64_t repetitions = 200'000;

double thread_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Each loop is in assembly, so that this file needs no flags of a level and no compiler can shorten it.
#define TWELVE(instruction)                                                                                                              \
  instruction(0) instruction(1) instruction(2) instruction(3) instruction(4) instruction(5) instruction(6) instruction(7) instruction(8) \
      instruction(9) instruction(10) instruction(11)
#define REPEAT(setup, body, finish)                        \
  asm volatile(setup "1:\n" body "dec %0\njnz 1b\n" finish \
               : "+r"(count)                               \
               :                                           \
               : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13")
#define FMA_YMM(n) "vfmadd231ps %%ymm12, %%ymm12, %%ymm" #n "\n"
#define FMA_ZMM(n) "vfmadd231ps %%zmm12, %%zmm12, %%zmm" #n "\n"
#define BF16_ZMM(n) "vdpbf16ps %%zmm12, %%zmm12, %%zmm" #n "\n"
#define BYTES_ZMM(n) "vpdpbusd %%zmm12, %%zmm12, %%zmm" #n "\n"
#define PAIRS_YMM(n) "vpmaddwd %%ymm12, %%ymm12, %%ymm13\nvpaddd %%ymm13, %%ymm" #n ", %%ymm" #n "\n"
#define PAIRS_ZMM(n) "vpmaddwd %%zmm12, %%zmm12, %%zmm13\nvpaddd %%zmm13, %%zmm" #n ", %%zmm" #n "\n"
#define CLEAR(n) "vpxor %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define CLEAR_ALL TWELVE(CLEAR) CLEAR(12)

struct alignas(64) TileConfiguration {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

#define TILES(instruction)                                                                                                            \
  instruction " %%tmm7, %%tmm6, %%tmm0\n" instruction " %%tmm7, %%tmm6, %%tmm1\n" instruction " %%tmm7, %%tmm6, %%tmm2\n" instruction \
              " %%tmm7, %%tmm6, %%tmm3\n"
#define REPEAT_TILES(instruction)                                                                                                       \
  asm volatile(                                                                                                                         \
      "ldtilecfg %1\ntileloadd (%2,%3,1), %%tmm6\ntileloadd (%2,%3,1), %%tmm7\n1:\n" TILES(instruction) "dec %0\njnz 1b\ntilerelease\n" \
      : "+r"(count)                                                                                                                     \
      : "m"(configuration), "r"(numbers.data()), "r"(std::int64_t{64})                                                                  \
      : "cc", "memory")

/// A tile of bfloat16 numbers between -1 and 1, all different. The unit draws more current, and slows the clock, where it
/// multiplies other numbers than zeros: its peak on zeros is not one that a product could reach.
std::array<std::uint16_t, 512> tile_numbers() {
  std::array<std::uint16_t, 512> numbers;
  std::uint32_t state = 1;
  for (std::uint16_t& number : numbers) {
    state = state * 1664525 + 1013904223;
    const float value = static_cast<float>(state >> 8) / static_cast<float>(1 << 23) - 1.0F;
    number = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
  }
  return numbers;
}

/// Runs the loop of a level and precision and returns the operations of one repetition.
double run(Isa isa, Precision precision) {
  std::int64_t count = repetitions;
  if (isa == Isa::amx && precision != Precision::fp32) {
    const TileConfiguration configuration;
    const std::array<std::uint16_t, 512> numbers = tile_numbers();
    if (precision == Precision::bf16) {
      REPEAT_TILES("tdpbf16ps");
      return 4.0 * 16 * 16 * 32 * 2;
    }
    REPEAT_TILES("tdpbusd");
    return 4.0 * 16 * 16 * 64 * 2;
  }
  const bool grouped = isa == Isa::avx512_bf16;
  if (grouped && precision == Precision::bf16) {
    REPEAT(CLEAR_ALL, TWELVE(BF16_ZMM), "vzeroupper\n");
    return 12.0 * 64;
  }
  if (grouped && precision == Precision::int8) {
    REPEAT(CLEAR_ALL, TWELVE(BYTES_ZMM), "vzeroupper\n");
    return 12.0 * 128;
  }
  if (isa == Isa::avx2) {
    if (precision == Precision::int8) {
      REPEAT(CLEAR_ALL, TWELVE(PAIRS_YMM), "vzeroupper\n");
      return 12.0 * 32;
    }
    REPEAT(CLEAR_ALL, TWELVE(FMA_YMM), "vzeroupper\n");
    return 12.0 * 16;
  }
  if (precision == Precision::int8) {
    REPEAT(CLEAR_ALL, TWELVE(PAIRS_ZMM), "vzeroupper\n");
    return 12.0 * 64;
  }
  REPEAT(CLEAR_ALL, TWELVE(FMA_ZMM), "vzeroupper\n");
  return 12.0 * 32;
}

}  // namespace

double register_peak(Isa isa, Precision precision) {
  double best = 0.0;
  for (int attempt = 0; attempt < 20; ++attempt) {
    const double start = thread_seconds();
    const double operations = run(isa, precision);
    best = std::max(best, operations * static_cast<double>(repetitions) / (thread_seconds() - start));
  }
  return best;
}

}  // namespace accelerate::cpu

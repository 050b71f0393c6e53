// AMX's eight tiles of 16 rows by 64 bytes, as the interface that gemm_amx.inl.h is written over.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace accelerate::cpu {
namespace {

class AmxTiles {
 public:
  AmxTiles() = default;
  ~AmxTiles() { _tile_release(); }
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;

  /// Tiles 0, 1, 4 hold `upper` rows, tiles 2, 3, 5 `lower` rows, and tiles 6 and 7 sixteen, as long as this lives.
  void configure(std::int64_t upper, std::int64_t lower) {
    struct alignas(64) Configuration {
      std::uint8_t palette = 1;
      std::uint8_t start_row = 0;
      std::uint8_t reserved[14] = {};
      std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      std::uint8_t rows[16] = {};
    } configuration;
    for (const int tile : {0, 1, 4}) configuration.rows[tile] = static_cast<std::uint8_t>(upper);
    // A tile without rows cannot be configured.
    for (const int tile : {2, 3, 5}) configuration.rows[tile] = static_cast<std::uint8_t>(lower > 0 ? lower : 1);
    for (const int tile : {6, 7}) configuration.rows[tile] = 16;
    // GCC's intrinsic says that it reads a pointer's worth of the configuration and would let the rest go unwritten.
    asm volatile("" : : "r"(&configuration) : "memory");
    _tile_loadconfig(&configuration);
  }

  // The intrinsics take a tile's number as a literal.
  template <int tile>
  void zero() {
    if constexpr (tile == 0) _tile_zero(0);
    if constexpr (tile == 1) _tile_zero(1);
    if constexpr (tile == 2) _tile_zero(2);
    if constexpr (tile == 3) _tile_zero(3);
  }

  template <int tile>
  void load(const std::byte* from, std::int64_t stride) {
    if constexpr (tile == 0) _tile_loadd(0, from, stride);
    if constexpr (tile == 1) _tile_loadd(1, from, stride);
    if constexpr (tile == 2) _tile_loadd(2, from, stride);
    if constexpr (tile == 3) _tile_loadd(3, from, stride);
    if constexpr (tile == 4) _tile_loadd(4, from, stride);
    if constexpr (tile == 5) _tile_loadd(5, from, stride);
    if constexpr (tile == 6) _tile_loadd(6, from, stride);
    if constexpr (tile == 7) _tile_loadd(7, from, stride);
  }

  /// load() of what will not be read again soon: past the nearest cache, so that it drives nothing else out of it.
  template <int tile>
  void stream(const std::byte* from, std::int64_t stride) {
    if constexpr (tile == 0) _tile_stream_loadd(0, from, stride);
    if constexpr (tile == 1) _tile_stream_loadd(1, from, stride);
    if constexpr (tile == 2) _tile_stream_loadd(2, from, stride);
    if constexpr (tile == 3) _tile_stream_loadd(3, from, stride);
    if constexpr (tile == 4) _tile_stream_loadd(4, from, stride);
    if constexpr (tile == 5) _tile_stream_loadd(5, from, stride);
    if constexpr (tile == 6) _tile_stream_loadd(6, from, stride);
    if constexpr (tile == 7) _tile_stream_loadd(7, from, stride);
  }

  template <int tile>
  void store(std::byte* to, std::int64_t stride) {
    if constexpr (tile == 0) _tile_stored(0, to, stride);
    if constexpr (tile == 1) _tile_stored(1, to, stride);
    if constexpr (tile == 2) _tile_stored(2, to, stride);
    if constexpr (tile == 3) _tile_stored(3, to, stride);
  }

  /// Adds the products of tiles 4 and 6 to tile 0, 4 and 7 to 1, and where there are lower rows 5 and 6 to 2, 5 and 7 to 3:
  /// pairs of bfloat16, or quads of bytes, unsigned in tiles 4 and 5 and signed in 6 and 7.
  template <bool bytes, bool has_lower>
  void add_products() {
    if constexpr (bytes) {
      _tile_dpbusd(0, 4, 6);
      _tile_dpbusd(1, 4, 7);
      if constexpr (has_lower) {
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
      }
    } else {
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      if constexpr (has_lower) {
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
    }
  }
};

}  // namespace
}  // namespace accelerate::cpu

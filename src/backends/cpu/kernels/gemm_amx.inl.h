// gemm over matrix tiles: 32 rows by one panel of 32 columns in four accumulators. Written over a Tiles interface with
// two implementations: AMX (tiles_amx.h), and a plain emulation in the tests, which runs on machines without AMX.
#pragma once

#include "backends/cpu/kernels/gemm.inl.h"

namespace accelerate::cpu {
namespace {

constexpr std::int64_t amx_rows = 32;

template <class Tiles, class Product>
inline void multiply_amx_tile(Tiles& tiles, const TileArguments& tile, std::int64_t upper, std::int64_t lower) {
  constexpr std::int64_t line = panel_columns * 4;  // one step of a panel
  constexpr std::int64_t steps = block_bytes / 4;   // what one tile holds of them
  tiles.template zero<0>();
  tiles.template zero<1>();
  tiles.template zero<2>();
  tiles.template zero<3>();
  // With no lower rows the upper ones are read in their place: never memory past the end.
  const std::byte* lower_rows = tile.activations + (lower > 0 ? upper * tile.activation_stride : 0);
  for (std::int64_t step = 0; step < tile.steps; step += steps) {
    const std::byte* panel = tile.panel + step * line;
    tiles.template load<4>(tile.activations + step * 4, tile.activation_stride);
    tiles.template load<6>(panel, line);
    tiles.template load<7>(panel + line / 2, line);
    tiles.template load<5>(lower_rows + step * 4, tile.activation_stride);
    if constexpr (Product::quantised) {
      tiles.add_byte_products();
    } else {
      tiles.add_bfloat16_products();
    }
  }
  auto* sums = static_cast<std::byte*>(tile.sums);
  tiles.template store<0>(sums, tile.sums_stride);
  tiles.template store<1>(sums + 64, tile.sums_stride);
  if (lower > 0) {
    tiles.template store<2>(sums + upper * tile.sums_stride, tile.sums_stride);
    tiles.template store<3>(sums + upper * tile.sums_stride + 64, tile.sums_stride);
  }
}

template <class Tiles, class Product>
void gemm_by_tiles(const GemmArguments& arguments) {
  const std::int64_t inputs = arguments.weights.inputs;
  const std::int64_t stride = prepared_row_bytes<Product>(inputs);
  alignas(64) std::byte sums[amx_rows * panel_columns * 4];
  // Configuring tiles costs more than a tile's work, so the whole tiles of all panels come before the last, smaller one.
  const auto multiply = [&](std::int64_t first, std::int64_t last, std::int64_t rows) {
    const std::int64_t upper = smaller(rows, amx_rows / 2);
    const std::int64_t lower = rows - upper;
    Tiles tiles(upper, lower);
    for (std::int64_t panel = arguments.first_panel; panel < arguments.last_panel; ++panel) {
      for (std::int64_t row = first; row < last; row += rows) {
        const OutputTile tile = {.first_row = row, .rows = rows, .first_column = panel * panel_columns};
        multiply_amx_tile<Tiles, Product>(tiles,
                                          {
                                              .activations = static_cast<const std::byte*>(arguments.prepared) + row * stride,
                                              .activation_stride = stride,
                                              .panel = arguments.weights.panels + panel * panel_bytes<Product>(inputs),
                                              .steps = panel_steps<Product>(inputs),
                                              .sums = sums,
                                              .sums_stride = panel_columns * 4,
                                          },
                                          upper, lower);
        finish_tile<Product>(arguments, tile, sums);
      }
    }
  };
  const std::int64_t whole = arguments.rows / amx_rows * amx_rows;
  if (whole > 0) multiply(0, whole, amx_rows);
  if (whole < arguments.rows) multiply(whole, arguments.rows, arguments.rows - whole);
}

template <class Tiles>
void tile_gemm(const GemmArguments& arguments, std::int64_t input_stride) {
  switch (arguments.weights.precision) {
    case Precision::fp32:
    case Precision::fp16:  // not among the backend's precisions
    case Precision::int4:  // coded.inl.h
      return gemm_by_vectors<Float32Product>(arguments, input_stride * 4);
    case Precision::bf16:
      return gemm_by_tiles<Tiles, Bfloat16Product>(arguments);
    case Precision::int8:
      return gemm_by_tiles<Tiles, Int8Product>(arguments);
  }
}

GemmShape tile_gemm_shape(Precision precision) {
  return {.panel_columns = panel_columns, .tile_rows = precision == Precision::fp32 ? tile_rows : amx_rows};
}

}  // namespace
}  // namespace accelerate::cpu

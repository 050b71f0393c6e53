// x·Wᵀ over panels: register tiles of a few rows by one panel, the whole depth summed in registers.
#pragma once

#include "backends/cpu/kernels/packing.inl.h"

namespace accelerate::cpu {
namespace {

/// Weights to ask for while a tile is computed, because a later one reads them. The processor's own prefetching stops at
/// each page and would leave it waiting when few rows stream through weights from memory.
struct Ahead {
  const std::byte* lines = nullptr;
  std::int64_t lines_every_four_steps = 0;
};

/// One register tile: rows of activation groups times one panel.
struct TileArguments {
  const std::byte* activations;
  std::int64_t activation_stride;  ///< bytes
  const std::byte* panel;
  std::int64_t steps;
  void* sums;                ///< [rows, panel_columns] of Product::Sum's elements
  std::int64_t sums_stride;  ///< bytes
  Ahead ahead = {};
};

/// sums = activations·panel for `rows` rows. At 8 by 32 it runs at the rate of the multipliers: for each step 16 products
/// stand beside 2 loads of weights and 8 broadcasts, and 8 rows never compete for one set of an 8-way cache.
template <class Product, int rows>
void multiply_tile(const TileArguments& tile) {
  constexpr int columns = static_cast<int>(panel_columns / width);
  constexpr std::int64_t step_bytes = panel_columns * Product::column_bytes;
  constexpr std::int64_t vector_bytes = width * Product::column_bytes;
  typename Product::Sum sums[rows][columns];
  for (auto& row : sums) {
    for (auto& sum : row) sum = Product::zero();
  }

  const std::byte* activations = tile.activations;
  const std::byte* panel = tile.panel;
  const std::byte* ahead = tile.ahead.lines;
  // Every row is one base and one of four registers times 1, 2 or 4: a pointer for each would not fit beside them.
  const std::int64_t stride = tile.activation_stride;
  const std::int64_t stride3 = 3 * stride;
  const std::int64_t stride5 = 5 * stride;
  const std::int64_t stride7 = 7 * stride;
  const auto row_start = [&](int row) {
    switch (row) {
      case 0:
        return activations;
      case 3:
        return activations + stride3;
      case 5:
        return activations + stride5;
      case 6:
        return activations + 2 * stride3;
      case 7:
        return activations + stride7;
      default:
        return activations + row * stride;
    }
  };
  const auto multiply_step = [&](std::int64_t step) __attribute__((always_inline)) {
    typename Product::Operand weights[columns];
#pragma GCC unroll 16
    for (int column = 0; column < columns; ++column) weights[column] = Product::weights(panel + step * step_bytes + column * vector_bytes);
#pragma GCC unroll 16
    for (int row = 0; row < rows; ++row) {
      const auto value = Product::activations(row_start(row) + step * 4);
#pragma GCC unroll 16
      for (int column = 0; column < columns; ++column) sums[row][column] = Product::add_product(sums[row][column], value, weights[column]);
    }
  };

  std::int64_t steps = tile.steps;
  for (; steps >= 4; steps -= 4) {
    for (std::int64_t line = 0; line < tile.ahead.lines_every_four_steps; ++line) __builtin_prefetch(ahead + line * 64, 0, 2);
    ahead += tile.ahead.lines_every_four_steps * 64;
    multiply_step(0);
    multiply_step(1);
    multiply_step(2);
    multiply_step(3);
    activations += 16;
    panel += 4 * step_bytes;
  }
  for (; steps > 0; --steps) {
    multiply_step(0);
    activations += 4;
    panel += step_bytes;
  }

  auto* to = static_cast<std::byte*>(tile.sums);
#pragma GCC unroll 16
  for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 16
    for (int column = 0; column < columns; ++column) {
      __builtin_memcpy(to + row * tile.sums_stride + column * width * 4, &sums[row][column], width * 4);
    }
  }
}

static_assert(tile_rows == 6 || tile_rows == 8);

/// multiply_tile() for a number of rows in [1, tile_rows].
template <class Product>
inline void multiply_rows(std::int64_t rows, const TileArguments& tile) {
  switch (rows) {
    case 1:
      return multiply_tile<Product, 1>(tile);
    case 2:
      return multiply_tile<Product, 2>(tile);
    case 3:
      return multiply_tile<Product, 3>(tile);
    case 4:
      return multiply_tile<Product, 4>(tile);
    case 5:
      return multiply_tile<Product, 5>(tile);
    case 6:
      return multiply_tile<Product, 6>(tile);
    case 7:
      return multiply_tile<Product, tile_rows == 8 ? 7 : 6>(tile);
    default:
      return multiply_tile<Product, tile_rows>(tile);
  }
}

/// Products of up to tile_rows rows with one panel, for attention.
template <class Product>
struct VectorMultiplier {
  static constexpr std::int64_t most_rows = tile_rows;

  void operator()(std::int64_t rows, const TileArguments& tile) const { multiply_rows<Product>(rows, tile); }
};

/// Attention's multipliers where there is nothing but vectors.
struct VectorMultipliers {
  template <class Product>
  using Of = VectorMultiplier<Product>;
};

/// Rows cut into the fewest tiles of at most `most` rows, all but equal: 9 rows are 5 and 4, not 8 and 1.
class RowTiles {
 public:
  RowTiles(std::int64_t rows, std::int64_t most) : count_((rows + most - 1) / most), rows_(rows) {}

  std::int64_t count() const { return count_; }
  std::int64_t first(std::int64_t tile) const { return tile * (rows_ / count_) + (tile < rows_ % count_ ? tile : rows_ % count_); }

 private:
  std::int64_t count_;
  std::int64_t rows_;
};

/// One register tile's place in the output, and in what was prepared.
struct OutputTile {
  std::int64_t first_row;
  std::int64_t rows;
  std::int64_t first_column;
  const std::byte* row_steps = nullptr;  ///< RowSteps of the first row; int8 alone
  std::int64_t row_steps_stride = 0;
  std::int64_t prepared_tile_rows = 1;  ///< of the layout of prepared rows; the tile's rows are one of its tiles
};

/// Writes rows [first, last) of a tile's sums [rows, panel_columns] to the output, through the tail.
template <class Product>
void finish_rows(const GemmArguments& arguments, const OutputTile& tile, const void* sums, std::int64_t first, std::int64_t last) {
  const PackedWeights& weights = arguments.weights;
  const GemmTail& tail = arguments.tail;
  const std::int64_t columns = smaller(weights.outputs - tile.first_column, panel_columns);
  const PreparedLayout prepared = prepared_layout<Product>(tile.prepared_tile_rows, weights.outputs);
  std::byte* prepared_rows =
      arguments.prepared_output == nullptr ? nullptr : static_cast<std::byte*>(arguments.prepared_output) + prepared.row(tile.first_row);

  const auto finish = [&](auto activation) {
    for (std::int64_t column = 0; column < columns; column += width) {
      const std::int64_t count = columns - column;
      const std::int64_t output_column = tile.first_column + column;
      const Floats bias = tail.bias == nullptr ? spread(0.0F) : load_up_to(tail.bias + output_column, count);
      [[maybe_unused]] Floats scale;
      [[maybe_unused]] Integers column_sums;
      if constexpr (Product::quantised) {
        scale = load(weights.scales + output_column);
        column_sums = load_integers(weights.sums + output_column);
      }
      for (std::int64_t row = first; row < last; ++row) {
        const std::byte* sum = static_cast<const std::byte*>(sums) + (row * panel_columns + column) * 4;
        Floats value;
        if constexpr (Product::quantised) {
          const RowSteps* row_steps = reinterpret_cast<const RowSteps*>(tile.row_steps + row * tile.row_steps_stride);
          const Integers steps = subtract(load_integers(sum), multiply(spread(row_steps->zero), column_sums));
          value = multiply_add(to_floats(steps), multiply(spread(row_steps->scale), scale), bias);
        } else {
          value = add(load(reinterpret_cast<const float*>(sum)), bias);
        }
        value = activation(value);
        const std::int64_t output_row = tile.first_row + row;
        if (tail.residual != nullptr) {
          value = add(value, load_up_to(tail.residual + output_row * tail.residual_stride + output_column, count));
        }
        if constexpr (!Product::quantised) {
          if (prepared_rows != nullptr) {
            constexpr std::int64_t bytes = activation_bytes<Product>;
            const std::int64_t block = output_column * bytes / block_bytes;
            const std::int64_t within = output_column * bytes % block_bytes;
            Product::store_activations(prepared_rows + row * prepared.row_stride() + block * prepared.block_stride() + within, value);
            continue;
          }
        }
        store_up_to(arguments.output + output_row * arguments.output_stride + output_column, count, value);
      }
    }
  };
  if (tail.activation == nullptr) {
    finish([](Floats x) { return x; });
  } else {
    with_function(*tail.activation, finish);
  }
}

/// What the index'th of `count` tiles of a panel asks for: its share of the next panel, so that memory is read at an even
/// pace. The first tile of all reads weights that nobody asked for, and runs some way ahead of itself instead.
template <class Product>
inline Ahead ahead_of(const GemmArguments& arguments, std::int64_t panel, std::int64_t index, std::int64_t count) {
  constexpr std::int64_t distance = 8192;  // the latency of main memory at a tile's speed
  constexpr std::int64_t lines = 4 * panel_columns * Product::column_bytes / 64;
  // So few rows want every load for themselves.
  if (arguments.rows < 4) return {};
  const std::int64_t bytes = panel_bytes<Product>(arguments.weights.inputs);
  const std::byte* here = arguments.weights.panels + panel * bytes;
  if (panel == arguments.first_panel && index == 0) return {.lines = here + distance, .lines_every_four_steps = lines};
  const std::int64_t share = (lines + count - 1) / count;
  const std::int64_t offset = index * share * (bytes / lines);
  if (offset >= bytes) return {};
  return {.lines = here + bytes + offset, .lines_every_four_steps = share};
}

template <class Product>
void gemm_by_vectors(const GemmArguments& arguments, std::int64_t stride) {
  const std::int64_t inputs = arguments.weights.inputs;
  const PreparedLayout layout = prepared_layout<Product>(1, inputs);
  const RowTiles tiles(arguments.rows, tile_rows);
  alignas(64) std::byte sums[tile_rows * panel_columns * 4];
  for (std::int64_t panel = arguments.first_panel; panel < arguments.last_panel; ++panel) {
    for (std::int64_t index = 0; index < tiles.count(); ++index) {
      const OutputTile tile = {.first_row = tiles.first(index),
                               .rows = tiles.first(index + 1) - tiles.first(index),
                               .first_column = panel * panel_columns,
                               .row_steps = static_cast<const std::byte*>(arguments.prepared) + layout.steps(tiles.first(index)),
                               .row_steps_stride = layout.steps_stride()};
      multiply_rows<Product>(tile.rows, {
                                            .activations = static_cast<const std::byte*>(arguments.prepared) + tile.first_row * stride,
                                            .activation_stride = stride,
                                            .panel = arguments.weights.panels + panel * panel_bytes<Product>(inputs),
                                            .steps = steps_of<Product>(inputs),
                                            .sums = sums,
                                            .sums_stride = panel_columns * 4,
                                            .ahead = ahead_of<Product>(arguments, panel, index, tiles.count()),
                                        });
      finish_rows<Product>(arguments, tile, sums, 0, tile.rows);
    }
  }
}

/// Bytes from one row of activations to the next.
template <class Product>
inline std::int64_t activation_stride(const PackedWeights& weights, std::int64_t input_stride) {
  return weights.precision == Precision::fp32 ? input_stride * 4 : prepared_row_bytes<Product>(weights.inputs);
}

[[maybe_unused]] void vector_gemm(const GemmArguments& arguments, std::int64_t input_stride) {
  with_product(arguments.weights.precision, [&](auto product) {
    using Product = decltype(product);
    gemm_by_vectors<Product>(arguments, activation_stride<Product>(arguments.weights, input_stride));
  });
}

[[maybe_unused]] GemmShape vector_gemm_shape(Precision) { return {.panel_columns = panel_columns, .tile_rows = tile_rows}; }

}  // namespace
}  // namespace accelerate::cpu

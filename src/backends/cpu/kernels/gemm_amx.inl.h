// gemm over matrix tiles: up to 32 rows by one panel of 32 columns in four accumulators. Written over a Tiles interface with
// two implementations: AMX (tiles_amx.h), and a plain emulation in the tests, which runs on machines without AMX.
//
// The tile unit multiplies on its own, beside the vector units, but a core looks only some hundreds of instructions ahead:
// so the tail of one tile is written between the products of the next, and costs no time while it is the shorter of the two.
#pragma once

#include "backends/cpu/kernels/gemm.inl.h"

namespace accelerate::cpu {
namespace {

constexpr std::int64_t amx_rows = 32;

/// The rows of a gemm in tiles of equal size. The last tile reaches back over rows of the one before, so that the tiles
/// are configured once, and panels are read once.
class AmxRowTiles {
 public:
  explicit AmxRowTiles(std::int64_t all) : all_(all), count_((all + amx_rows - 1) / amx_rows), rows_((all + count_ - 1) / count_) {}

  std::int64_t count() const { return count_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t first(std::int64_t tile) const { return smaller(tile * rows_, all_ - rows_); }
  /// Rows at the beginning of a tile that belong to the one before.
  std::int64_t shared(std::int64_t tile) const { return tile * rows_ - first(tile); }

 private:
  std::int64_t all_;
  std::int64_t count_;
  std::int64_t rows_;
};

/// One tile of sums: `upper` rows of activations and those after them, if the tiles hold any, times one panel.
struct AmxTileArguments {
  const std::byte* activations;
  std::int64_t activation_stride;  ///< bytes
  std::int64_t upper;
  const std::byte* panel;
  std::int64_t steps;  ///< of block_bytes
  std::byte* sums;     ///< [rows, panel_columns]
  std::int64_t sums_stride;
  bool add = false;  ///< to what is there, instead of zeros: for panels that are unpacked part by part
};

/// sums = activations·panel, with a call of `between` after each step's products.
template <class Product, bool has_lower, class Tiles, class Between>
inline void multiply_amx_tile(Tiles& tiles, const AmxTileArguments& tile, const Between& between) {
  constexpr std::int64_t line = panel_columns * 4;
  const std::byte* upper_rows = tile.activations;
  const std::byte* lower_rows = upper_rows + tile.upper * tile.activation_stride;
  const std::byte* panel = tile.panel;
  std::byte* lower_sums = tile.sums + tile.upper * tile.sums_stride;
  if (tile.add) {
    tiles.template load<0>(tile.sums, tile.sums_stride);
    tiles.template load<1>(tile.sums + line / 2, tile.sums_stride);
    if constexpr (has_lower) {
      tiles.template load<2>(lower_sums, tile.sums_stride);
      tiles.template load<3>(lower_sums + line / 2, tile.sums_stride);
    }
  } else {
    tiles.template zero<0>();
    tiles.template zero<1>();
    if constexpr (has_lower) {
      tiles.template zero<2>();
      tiles.template zero<3>();
    }
  }
  for (std::int64_t step = 0; step < tile.steps; ++step) {
    tiles.template load<4>(upper_rows, tile.activation_stride);
    tiles.template load<6>(panel, line);
    tiles.template load<7>(panel + line / 2, line);
    if constexpr (has_lower) tiles.template load<5>(lower_rows, tile.activation_stride);
    tiles.template add_products<Product::quantised, has_lower>();
    upper_rows += block_bytes;
    lower_rows += block_bytes;
    panel += panel_columns * block_bytes;
    between();
  }
  tiles.template store<0>(tile.sums, tile.sums_stride);
  tiles.template store<1>(tile.sums + line / 2, tile.sums_stride);
  if constexpr (has_lower) {
    tiles.template store<2>(lower_sums, tile.sums_stride);
    tiles.template store<3>(lower_sums + line / 2, tile.sums_stride);
  }
}

template <class Tiles, class Product>
class AmxGemm {
 public:
  explicit AmxGemm(const GemmArguments& arguments)
      : arguments_(arguments),
        rows_(arguments.rows),
        upper_(smaller(rows_.rows(), amx_rows / 2)),
        lower_(rows_.rows() - upper_),
        steps_(panel_steps<Product>(arguments.weights.inputs) * 4 / block_bytes),
        stride_(prepared_row_bytes<Product>(arguments.weights.inputs)) {}

  void run() {
    Tiles tiles;
    tiles.configure(upper_, lower_);
    for (std::int64_t panel = arguments_.first_panel; panel < arguments_.last_panel; ++panel) {
      const std::byte* weights = arguments_.weights.panels + panel * panel_bytes<Product>(arguments_.weights.inputs);
      for (std::int64_t tile = 0; tile < rows_.count(); ++tile) {
        std::byte* sums = unfinished_sums_ == sums_[0] ? sums_[1] : sums_[0];
        multiply(tiles, {.activations = static_cast<const std::byte*>(arguments_.prepared) + rows_.first(tile) * stride_,
                         .activation_stride = stride_,
                         .upper = upper_,
                         .panel = weights,
                         .steps = steps_,
                         .sums = sums,
                         .sums_stride = panel_columns * 4});
        finish(amx_rows);
        unfinished_ = {.first_row = rows_.first(tile), .rows = rows_.rows(), .first_column = panel * panel_columns};
        unfinished_sums_ = sums;
        finished_ = rows_.shared(tile);
      }
    }
    finish(amx_rows);
  }

 private:
  /// Sums one tile; between the steps some rows of the tile before are finished. Where there is one tile of rows, weights come from
  /// memory faster than they are multiplied only if they are asked for some way ahead: the processor's own prefetching stops at each page.
  void multiply(Tiles& tiles, const AmxTileArguments& tile) {
    constexpr std::int64_t distance = 8192;
    constexpr std::int64_t step_bytes = panel_columns * block_bytes;
    const std::int64_t rows_a_step = (unfinished_.rows - finished_ + tile.steps - 1) / tile.steps;
    const std::byte* ahead = tile.panel + distance;
    const std::int64_t ahead_bytes = rows_.count() == 1 ? step_bytes : 0;
    const auto between = [&] {
      finish(rows_a_step);
      for (std::int64_t line = 0; line < ahead_bytes; line += 64) __builtin_prefetch(ahead + line, 0, 2);
      ahead += ahead_bytes;
    };
    if (lower_ > 0) {
      multiply_amx_tile<Product, true>(tiles, tile, between);
    } else {
      multiply_amx_tile<Product, false>(tiles, tile, between);
    }
  }

  /// Finishes up to `count` further rows of the tile whose products are summed.
  void finish(std::int64_t count) {
    const std::int64_t last = smaller(finished_ + count, unfinished_.rows);
    if (finished_ >= last) return;
    finish_rows<Product>(arguments_, unfinished_, unfinished_sums_, finished_, last);
    finished_ = last;
  }

  const GemmArguments& arguments_;
  AmxRowTiles rows_;
  std::int64_t upper_;
  std::int64_t lower_;
  std::int64_t steps_;
  std::int64_t stride_;
  OutputTile unfinished_ = {.first_row = 0, .rows = 0, .first_column = 0};
  const std::byte* unfinished_sums_ = nullptr;
  std::int64_t finished_ = 0;
  alignas(64) std::byte sums_[2][amx_rows * panel_columns * 4];  ///< of the tile before, and of this one
};

/// Products of up to 32 rows with one panel, for attention.
template <class Tiles, class Product>
class TileMultiplier {
 public:
  static constexpr std::int64_t most_rows = amx_rows;

  void operator()(std::int64_t rows, const TileArguments& tile) {
    const std::int64_t upper = smaller(rows, amx_rows / 2);
    if (rows != rows_) tiles_.configure(upper, rows - upper);
    rows_ = rows;
    const AmxTileArguments arguments = {.activations = tile.activations,
                                        .activation_stride = tile.activation_stride,
                                        .upper = upper,
                                        .panel = tile.panel,
                                        .steps = whole_blocks(tile.steps * 4) / block_bytes,
                                        .sums = static_cast<std::byte*>(tile.sums),
                                        .sums_stride = tile.sums_stride};
    if (rows > upper) {
      multiply_amx_tile<Product, true>(tiles_, arguments, [] {});
    } else {
      multiply_amx_tile<Product, false>(tiles_, arguments, [] {});
    }
  }

 private:
  Tiles tiles_;
  std::int64_t rows_ = 0;  ///< that the tiles are configured for
};

/// Attention's multipliers at this level: tiles, but for float32.
template <class Tiles>
struct TileMultipliers {
  template <class Product>
  struct Chosen {
    using Type = TileMultiplier<Tiles, Product>;
  };
  template <class Product>
    requires(Product::group == 1)
  struct Chosen<Product> {
    using Type = VectorMultiplier<Product>;
  };
  template <class Product>
  using Of = typename Chosen<Product>::Type;
};

template <class Tiles>
void tile_gemm(const GemmArguments& arguments, std::int64_t input_stride) {
  if (arguments.rows == 0) return;
  switch (arguments.weights.precision) {
    case Precision::fp32:
    case Precision::fp16:  // not among the backend's precisions
    case Precision::int4:  // coded.inl.h
      return gemm_by_vectors<Float32Product>(arguments, input_stride * 4);
    case Precision::bf16:
      return AmxGemm<Tiles, Bfloat16Product>(arguments).run();
    case Precision::int8:
      return AmxGemm<Tiles, Int8Product>(arguments).run();
  }
}

GemmShape tile_gemm_shape(Precision precision) {
  return {.panel_columns = panel_columns, .tile_rows = precision == Precision::fp32 ? tile_rows : amx_rows};
}

}  // namespace
}  // namespace accelerate::cpu

// gemm over matrix tiles: up to 32 rows by one panel of 32 columns in four accumulators. Written over a Tiles interface with
// two implementations: AMX (tiles_amx.h), and a plain emulation in the tests, which runs on machines without AMX.
//
// A step of products takes as long as 64 lines take from the second-level cache at its very best, and reads 64 lines. So half
// of them must come from the nearest cache: panels are read in parts that stay there while all rows pass them, and what passes
// is loaded as a stream, which leaves the parts where they are.
//
// The tile unit multiplies on its own, beside the vector units, but a core looks only some hundreds of instructions ahead:
// so the tail of one tile is written between the products of the next, and costs no time while it is the shorter of the two.
#pragma once

#include "backends/cpu/kernels/gemm.inl.h"

namespace accelerate::cpu {
namespace {

constexpr std::int64_t amx_rows = 32;
/// Steps of a panel that are multiplied at a time: two thirds of the nearest cache.
constexpr std::int64_t amx_part_steps = 16;
/// Tiles of rows that pass each part: their sums stay in the second-level cache until the last part.
constexpr std::int64_t amx_group_tiles = 8;

/// The rows of a gemm in tiles of equal size, so that tiles are configured once. The last may hold rows past the last.
class AmxRowTiles {
 public:
  explicit AmxRowTiles(std::int64_t all) : count_((all + amx_rows - 1) / amx_rows), rows_((all + count_ - 1) / count_) {}

  std::int64_t count() const { return count_; }
  std::int64_t rows() const { return rows_; }

 private:
  std::int64_t count_;
  std::int64_t rows_;
};

/// The layout of prepared rows: tiles as they are loaded, one after another.
struct RowsInTiles {
  static std::int64_t tile_rows(std::int64_t rows) { return AmxRowTiles(rows).rows(); }
};

/// Which operand is loaded as a stream: the one that is not read again soon.
enum class Streamed { nothing, activations, panel };

/// One tile of sums: `upper` rows of activations and those after them, if the tiles hold any, times one panel.
struct AmxTileArguments {
  const std::byte* activations;
  std::int64_t activation_stride;              ///< bytes from row to row
  std::int64_t activation_step = block_bytes;  ///< bytes from a row's block to its next
  std::int64_t upper;
  const std::byte* panel;
  std::int64_t steps;  ///< of block_bytes
  std::byte* sums;     ///< [rows, panel_columns]
  std::int64_t sums_stride;
  const std::byte* before = nullptr;  ///< like `sums`: what is added to, instead of zeros
};

template <int tile, bool stream, class Tiles>
inline void load_tile(Tiles& tiles, const std::byte* from, std::int64_t stride) {
  if constexpr (stream) {
    tiles.template stream<tile>(from, stride);
  } else {
    tiles.template load<tile>(from, stride);
  }
}

/// sums = activations·panel, with a call of `between` after each step's products.
template <class Product, bool has_lower, Streamed streamed, class Tiles, class Between>
inline void multiply_amx_tile(Tiles& tiles, const AmxTileArguments& tile, const Between& between) {
  constexpr std::int64_t line = panel_columns * 4;
  constexpr bool stream_rows = streamed == Streamed::activations;
  constexpr bool stream_panel = streamed == Streamed::panel;
  const std::byte* upper_rows = tile.activations;
  const std::byte* lower_rows = upper_rows + tile.upper * tile.activation_stride;
  const std::byte* panel = tile.panel;
  std::byte* lower_sums = tile.sums + tile.upper * tile.sums_stride;
  if (tile.before != nullptr) {
    const std::byte* lower_before = tile.before + tile.upper * tile.sums_stride;
    load_tile<0, stream_rows>(tiles, tile.before, tile.sums_stride);
    load_tile<1, stream_rows>(tiles, tile.before + line / 2, tile.sums_stride);
    if constexpr (has_lower) {
      load_tile<2, stream_rows>(tiles, lower_before, tile.sums_stride);
      load_tile<3, stream_rows>(tiles, lower_before + line / 2, tile.sums_stride);
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
    load_tile<4, stream_rows>(tiles, upper_rows, tile.activation_stride);
    load_tile<6, stream_panel>(tiles, panel, line);
    load_tile<7, stream_panel>(tiles, panel + line / 2, line);
    if constexpr (has_lower) load_tile<5, stream_rows>(tiles, lower_rows, tile.activation_stride);
    tiles.template add_products<Product::quantised, has_lower>();
    upper_rows += tile.activation_step;
    lower_rows += tile.activation_step;
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
        layout_(prepared_layout<Product>(rows_.rows(), arguments.weights.inputs)),
        parts_(rows_.count() == 1 ? 1 : (layout_.blocks + amx_part_steps - 1) / amx_part_steps) {}

  void run() {
    Tiles tiles;
    tiles.configure(upper_, lower_);
    for (std::int64_t first = 0; first < rows_.count(); first += amx_group_tiles) {
      const std::int64_t last = smaller(first + amx_group_tiles, rows_.count());
      for (std::int64_t panel = arguments_.first_panel; panel < arguments_.last_panel; ++panel) {
        for (std::int64_t part = 0; part < parts_; ++part) {
          for (std::int64_t tile = first; tile < last; ++tile) multiply_part(tiles, panel, part, tile, tile - first, last - first);
        }
      }
    }
    finish(amx_rows);
  }

 private:
  static constexpr std::int64_t sums_bytes = amx_rows * panel_columns * 4;

  /// Adds one part of a panel's depth to the sums of a tile, the index'th of a group of `count`.
  void multiply_part(Tiles& tiles, std::int64_t panel, std::int64_t part, std::int64_t tile, std::int64_t index, std::int64_t count) {
    const std::int64_t first_step = part * layout_.blocks / parts_;
    const std::int64_t steps = (part + 1) * layout_.blocks / parts_ - first_step;
    const std::byte* panel_start = arguments_.weights.panels + panel * panel_bytes<Product>(arguments_.weights.inputs);
    const std::byte* tile_start = static_cast<const std::byte*>(arguments_.prepared) + tile * layout_.tile_bytes();
    const bool last = part == parts_ - 1;
    std::byte* sums = last ? (unfinished_sums_ == sums_[0] ? sums_[1] : sums_[0]) : partial_sums_[index];
    ask_ahead(panel, panel_start, first_step, steps, index, count);
    multiply(tiles, {.activations = tile_start + first_step * layout_.block_stride(),
                     .activation_stride = layout_.row_stride(),
                     .activation_step = layout_.block_stride(),
                     .upper = upper_,
                     .panel = panel_start + first_step * panel_columns * block_bytes,
                     .steps = steps,
                     .sums = sums,
                     .sums_stride = panel_columns * 4,
                     .before = part == 0 ? nullptr : partial_sums_[index]});
    if (!last) return;
    finish(amx_rows);
    unfinished_ = {.first_row = tile * rows_.rows(),
                   .rows = smaller(rows_.rows(), arguments_.rows - tile * rows_.rows()),
                   .first_column = panel * panel_columns,
                   .row_steps = tile_start + layout_.tile_group_bytes(),
                   .row_steps_stride = layout_.steps_stride(),
                   .prepared_tile_rows = rows_.rows()};
    unfinished_sums_ = sums;
    finished_ = 0;
  }

  /// What the steps of a tile ask for: their share of the next panel, so that memory is read at an even pace; the processor's own
  /// prefetching stops at each page. The first tile of all reads a panel that nobody asked for, and runs some way ahead of itself
  /// instead, as does a single tile of rows, which has the whole of its panel to itself.
  void ask_ahead(std::int64_t panel, const std::byte* panel_start, std::int64_t first_step, std::int64_t steps, std::int64_t index,
                 std::int64_t count) {
    constexpr std::int64_t distance = 8192;
    constexpr std::int64_t step_bytes = panel_columns * block_bytes;
    if (rows_.count() == 1 || (panel == arguments_.first_panel && index == 0)) {
      lines_a_step_ = step_bytes / 64;
      ahead_ = panel_start + first_step * step_bytes + distance;
      return;
    }
    lines_a_step_ = (step_bytes / 64 + count - 1) / count;
    ahead_ = panel_start + layout_.blocks * step_bytes + (first_step * count + index * steps) * lines_a_step_ * 64;
  }

  /// Sums one tile; between the steps some rows of the tile before are finished.
  void multiply(Tiles& tiles, const AmxTileArguments& tile) {
    const std::int64_t rows_a_step = (unfinished_.rows - finished_ + tile.steps - 1) / tile.steps;
    const auto between = [&] {
      for (std::int64_t line = 0; line < lines_a_step_; ++line) __builtin_prefetch(ahead_ + line * 64, 0, 2);
      ahead_ += lines_a_step_ * 64;
      finish(rows_a_step);
    };
    if (rows_.count() == 1) {
      multiply_as<Streamed::panel>(tiles, tile, between);
    } else {
      multiply_as<Streamed::activations>(tiles, tile, between);
    }
  }

  template <Streamed streamed, class Between>
  void multiply_as(Tiles& tiles, const AmxTileArguments& tile, const Between& between) {
    if (lower_ > 0) {
      multiply_amx_tile<Product, true, streamed>(tiles, tile, between);
    } else {
      multiply_amx_tile<Product, false, streamed>(tiles, tile, between);
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
  PreparedLayout layout_;
  std::int64_t parts_;
  const std::byte* ahead_ = nullptr;
  std::int64_t lines_a_step_ = 0;
  OutputTile unfinished_ = {.first_row = 0, .rows = 0, .first_column = 0};
  const std::byte* unfinished_sums_ = nullptr;
  std::int64_t finished_ = 0;
  alignas(64) std::byte sums_[2][sums_bytes];  ///< of the tile before, and of this one
  alignas(64) std::byte partial_sums_[amx_group_tiles][sums_bytes];
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
      multiply_amx_tile<Product, true, Streamed::nothing>(tiles_, arguments, [] {});
    } else {
      multiply_amx_tile<Product, false, Streamed::nothing>(tiles_, arguments, [] {});
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

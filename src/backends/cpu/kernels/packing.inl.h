// Weights into panels, and activations into the rows of groups that gemm reads.
#pragma once

#include "backends/cpu/kernels/kernel_table.h"

namespace accelerate::cpu {
namespace {

/// Panels and prepared rows hold whole blocks of this many bytes a column or row: the depth of one AMX tile.
constexpr std::int64_t block_bytes = 64;

constexpr std::int64_t whole_blocks(std::int64_t bytes) { return (bytes + block_bytes - 1) / block_bytes * block_bytes; }

/// The largest magnitude of x, infinity when one of them is not finite.
inline float largest_magnitude(const float* x, std::int64_t count) {
  // As whole numbers magnitudes keep their order and NaN comes last, which a comparison of floats would lose.
  Integers largest = spread(std::int32_t{0});
  for (std::int64_t i = 0; i < count; i += width) largest = maximum(largest, bits_of(magnitude(load_up_to(x + i, count - i))));
  const float result = __builtin_bit_cast(float, largest_of(largest));
  return result < __builtin_inff() ? result : __builtin_inff();
}

/// How numbers become whole steps: x stands near (to_nearest(x·factor) + zero) steps of `scale`, counted from `zero`.
struct Quantisation {
  float scale;  ///< NaN when the numbers were not finite, so that what is computed from them is not either
  float factor;
  std::int32_t zero = 0;
};

/// Below this range its inverse would overflow; such numbers are nothing beside any other.
constexpr float least_range = 1e-35F;

/// Steps of -127…127 around zero, for weights. No product is as much as half a step beyond.
inline Quantisation symmetric_quantisation(const float* x, std::int64_t count) {
  const float largest = largest_magnitude(x, count);
  if (largest == __builtin_inff()) return {.scale = __builtin_nanf(""), .factor = 0.0F};
  if (largest < least_range) return {.scale = 0.0F, .factor = 0.0F};
  return {.scale = largest / 127.0F, .factor = 127.0F / largest};
}

/// Steps of 0…255 from the least number to the largest, zero among them, for activations.
inline Quantisation spanning_quantisation(const float* x, std::int64_t count) {
  Floats least = spread(0.0F);
  Floats largest = spread(0.0F);
  Integers magnitudes = spread(std::int32_t{0});
  for (std::int64_t i = 0; i < count; i += width) {
    const Floats values = load_up_to(x + i, count - i);
    least = minimum(least, values);
    largest = maximum(largest, values);
    magnitudes = maximum(magnitudes, bits_of(magnitude(values)));  // not finite shows here, where floats may lose it
  }
  if (!(__builtin_bit_cast(float, largest_of(magnitudes)) < __builtin_inff())) return {.scale = __builtin_nanf(""), .factor = 0.0F};
  const float low = -largest_of(negated(least));
  const float range = largest_of(largest) - low;
  if (range < least_range) return {.scale = 0.0F, .factor = 0.0F};
  if (range == __builtin_inff()) return {.scale = __builtin_nanf(""), .factor = 0.0F};
  const float factor = 255.0F / range;
  return {.scale = range / 255.0F, .factor = factor, .zero = static_cast<std::int32_t>(__builtin_nearbyintf(-low * factor))};
}

inline Integers quantised(Floats x, float factor) { return to_integers(multiply(x, spread(factor))); }

/// Steps counted from the least number; both ends may round the same way and pass the other by one.
inline Integers spanning_steps(Floats x, const Quantisation& quantisation) {
  const Integers steps = add(quantised(x, quantisation.factor), spread(quantisation.zero));
  return minimum(maximum(steps, spread(std::int32_t{0})), spread(std::int32_t{255}));
}

/// Writes x as a row of activation groups, up to whole blocks, which stand `block_stride` bytes apart; what lies past the end
/// meets weights that are zero.
template <class Product>
inline void encode_activations(const float* x, std::int64_t count, [[maybe_unused]] const Quantisation& quantisation, std::byte* to,
                               std::int64_t block_stride = block_bytes) {
  constexpr std::int64_t bytes = activation_bytes<Product>;
  constexpr std::int64_t block = block_bytes / bytes;
  for (std::int64_t first = 0; first < count; first += block, to += block_stride) {
    for (std::int64_t i = 0; i < block; i += width) {
      const Floats values = load_up_to(x + first + i, count - first - i);
      if constexpr (Product::quantised) {
        Product::store_activations(to + i * bytes, spanning_steps(values, quantisation));
      } else {
        Product::store_activations(to + i * bytes, values);
      }
    }
  }
}

/// Writes x as a row of weight groups, zeros up to whole blocks, and returns the sum of its steps when it is quantised.
template <class Product>
inline std::int32_t encode_weights(const float* x, std::int64_t count, [[maybe_unused]] float factor, std::byte* to) {
  constexpr std::int64_t bytes = weight_bytes<Product>;
  const std::int64_t padded = whole_blocks(count * bytes) / bytes;
  Integers sums = spread(std::int32_t{0});
  for (std::int64_t i = 0; i < padded; i += width) {
    const Floats values = load_up_to(x + i, count - i);
    if constexpr (Product::quantised) {
      const Integers steps = quantised(values, factor);
      sums = add(sums, steps);
      Product::store_weights(to + i * bytes, steps);
    } else {
      Product::store_weights(to + i * bytes, values);
    }
  }
  return sum_of(sums);
}

/// Lays `count` rows of groups side by side: step s of row r goes to panel[(s·panel_columns + r)·column_bytes]. Rows
/// beyond `count` are zero. Reads whole blocks of each row.
template <class Product>
inline void interleave_rows(const std::byte* rows, std::int64_t stride, std::int64_t count, std::int64_t steps, std::byte* panel) {
  constexpr std::int64_t bytes = Product::column_bytes;
  if constexpr (bytes == 4) {
    for (std::int64_t column = 0; column < panel_columns; column += width) {
      for (std::int64_t step = 0; step < steps; step += width) {
        Integers block[width];
        for (std::int64_t i = 0; i < width; ++i) {
          block[i] = column + i < count ? load_integers(rows + (column + i) * stride + step * bytes) : spread(std::int32_t{0});
        }
        transpose(block);
        const std::int64_t last = steps - step < width ? steps - step : width;
        for (std::int64_t i = 0; i < last; ++i) store_integers(panel + ((step + i) * panel_columns + column) * bytes, block[i]);
      }
    }
  } else {
    for (std::int64_t step = 0; step < steps; ++step) {
      for (std::int64_t column = 0; column < panel_columns; ++column) {
        std::byte* to = panel + (step * panel_columns + column) * bytes;
        if (column < count) {
          __builtin_memcpy(to, rows + column * stride + step * bytes, bytes);
        } else {
          __builtin_memset(to, 0, bytes);
        }
      }
    }
  }
}

/// Steps of a panel: those of the inputs, up to whole blocks.
template <class Product>
inline std::int64_t panel_steps(std::int64_t inputs) {
  return whole_blocks(steps_of<Product>(inputs) * Product::column_bytes) / Product::column_bytes;
}

template <class Product>
inline std::int64_t panel_bytes(std::int64_t inputs) {
  return panel_steps<Product>(inputs) * panel_columns * Product::column_bytes;
}

template <class Product>
void pack_panel_of(const PackedWeights& weights, std::int64_t panel, const float* rows, std::int64_t count) {
  // Rows go through a buffer in pieces of so many inputs that it stays in the nearest cache.
  constexpr std::int64_t piece = 128;
  constexpr std::int64_t stride = piece * weight_bytes<Product>;
  alignas(64) std::byte buffer[panel_columns * stride];
  Quantisation quantisations[panel_columns] = {};
  std::int32_t sums[panel_columns] = {};
  if constexpr (Product::quantised) {
    for (std::int64_t row = 0; row < count; ++row) quantisations[row] = symmetric_quantisation(rows + row * weights.inputs, weights.inputs);
  }
  std::byte* to = weights.panels + panel * panel_bytes<Product>(weights.inputs);
  for (std::int64_t first = 0; first < weights.inputs; first += piece) {
    const std::int64_t inputs = weights.inputs - first < piece ? weights.inputs - first : piece;
    for (std::int64_t row = 0; row < count; ++row) {
      sums[row] += encode_weights<Product>(rows + row * weights.inputs + first, inputs, quantisations[row].factor, buffer + row * stride);
    }
    const std::int64_t steps = panel_steps<Product>(inputs);
    interleave_rows<Product>(buffer, stride, count, steps, to);
    to += steps * panel_columns * Product::column_bytes;
  }
  if constexpr (Product::quantised) {
    for (std::int64_t row = 0; row < panel_columns; ++row) {
      weights.scales[panel * panel_columns + row] = quantisations[row].scale;
      weights.sums[panel * panel_columns + row] = sums[row];
    }
  }
}

/// Bytes of the groups of one prepared row.
template <class Product>
inline std::int64_t group_bytes(std::int64_t inputs) {
  return whole_blocks(inputs * activation_bytes<Product>);
}

/// What follows the groups of a quantised row.
struct RowSteps {
  float scale;
  std::int32_t zero;
};

/// Where prepared rows lie: tile after tile of so many rows, whose blocks of bytes of all rows stand together, before what
/// follows the groups of each. Tiles of one row are rows one after another; a block stands between them, which keeps rows
/// from lying a power of two apart, where they would compete for the same lines of the cache.
struct PreparedLayout {
  std::int64_t tile_rows;
  std::int64_t blocks;  ///< in a row

  std::int64_t tile_group_bytes() const { return blocks * tile_rows * block_bytes; }
  std::int64_t tile_bytes() const { return tile_group_bytes() + whole_blocks(tile_rows * static_cast<std::int64_t>(sizeof(RowSteps))); }
  std::int64_t bytes(std::int64_t rows) const { return (rows + tile_rows - 1) / tile_rows * tile_bytes(); }

  /// Bytes from the first block of a row to its next.
  std::int64_t block_stride() const { return tile_rows * block_bytes; }
  /// Bytes from one row to the next of its tile, or of the next tile where those have one row.
  std::int64_t row_stride() const { return tile_rows == 1 ? tile_bytes() : block_bytes; }
  /// The same for what follows the rows' groups.
  std::int64_t steps_stride() const { return tile_rows == 1 ? tile_bytes() : static_cast<std::int64_t>(sizeof(RowSteps)); }

  std::int64_t row(std::int64_t i) const { return i / tile_rows * tile_bytes() + i % tile_rows * block_bytes; }
  std::int64_t steps(std::int64_t i) const {
    return i / tile_rows * tile_bytes() + tile_group_bytes() + i % tile_rows * static_cast<std::int64_t>(sizeof(RowSteps));
  }
};

/// The layout of rows that vectors read: each for itself.
struct RowsApart {
  static std::int64_t tile_rows(std::int64_t) { return 1; }
};

template <class Product>
inline PreparedLayout prepared_layout(std::int64_t rows_in_tile, std::int64_t inputs) {
  return {.tile_rows = rows_in_tile, .blocks = group_bytes<Product>(inputs) / block_bytes};
}

/// Bytes from one prepared row to the next where rows lie apart.
template <class Product>
inline std::int64_t prepared_row_bytes(std::int64_t inputs) {
  return prepared_layout<Product>(1, inputs).tile_bytes();
}

/// Prepares rows [first, last) of x.
template <class Product>
void prepare_rows(const PreparedLayout& layout, const float* x, std::int64_t stride, std::int64_t first, std::int64_t last,
                  std::int64_t inputs, std::byte* to) {
  for (std::int64_t row = first; row < last; ++row) {
    const float* values = x + row * stride;
    Quantisation quantisation = {};
    if constexpr (Product::quantised) {
      quantisation = spanning_quantisation(values, inputs);
      const RowSteps steps = {.scale = quantisation.scale, .zero = quantisation.zero};
      __builtin_memcpy(to + layout.steps(row), &steps, sizeof(steps));
    }
    encode_activations<Product>(values, inputs, quantisation, to + layout.row(row), layout.block_stride());
  }
}

/// Calls body with the product policy of a precision.
template <class Body>
inline auto with_product(Precision precision, const Body& body) {
  switch (precision) {
    case Precision::bf16:
      return body(Bfloat16Product{});
    case Precision::int8:
      return body(Int8Product{});
    case Precision::fp32:
    case Precision::fp16:  // not among the backend's precisions
    case Precision::int4:  // coded.inl.h
      break;
  }
  return body(Float32Product{});
}

std::int64_t packed_bytes(Precision precision, std::int64_t outputs, std::int64_t inputs) {
  const std::int64_t panels = (outputs + panel_columns - 1) / panel_columns;
  return with_product(precision, [=](auto product) { return panels * panel_bytes<decltype(product)>(inputs); });
}

void pack_panel(const PackedWeights& weights, std::int64_t panel, const float* rows, std::int64_t count) {
  with_product(weights.precision, [&](auto product) { pack_panel_of<decltype(product)>(weights, panel, rows, count); });
}

template <class Arrangement>
std::int64_t prepared_bytes(Precision precision, std::int64_t rows, std::int64_t inputs) {
  if (precision == Precision::fp32 || rows == 0) return 0;
  return with_product(precision,
                      [=](auto product) { return prepared_layout<decltype(product)>(Arrangement::tile_rows(rows), inputs).bytes(rows); });
}

template <class Arrangement>
const void* prepare(const PrepareArguments& arguments) {
  if (arguments.precision == Precision::fp32) return arguments.x;
  with_product(arguments.precision, [&](auto product) {
    using Product = decltype(product);
    const PreparedLayout layout = prepared_layout<Product>(Arrangement::tile_rows(arguments.rows), arguments.inputs);
    prepare_rows<Product>(layout, arguments.x, arguments.stride, arguments.first_row, arguments.last_row, arguments.inputs,
                          static_cast<std::byte*>(arguments.memory));
  });
  return arguments.memory;
}

}  // namespace
}  // namespace accelerate::cpu

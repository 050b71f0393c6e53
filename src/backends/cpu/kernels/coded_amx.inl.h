// x·Wᵀ for codes by matrix tiles: many rows pay for turning a panel's codes into bytes or bfloat16 once.
#pragma once

#include "backends/cpu/kernels/coded.inl.h"
#include "backends/cpu/kernels/gemm_amx.inl.h"

namespace accelerate::cpu {
namespace {

/// Fewer rows are done before the codes are unpacked.
constexpr std::int64_t coded_amx_least_rows = 9;
/// Rows that share what is unpacked; their sums lie beside it.
constexpr std::int64_t coded_amx_most_rows = 128;
/// Inputs that are unpacked at a time, so that a panel of them stays in the nearest cache.
constexpr std::int64_t coded_amx_inputs = 512;

/// Inputs of prepared rows: whole groups, and whole tiles.
inline std::int64_t coded_amx_padded(const CodedWeights& weights) { return whole_blocks(coded_inputs(weights)); }

/// Codes of four bits become bytes: int8's steps are fine beside theirs. Those of eight become bfloat16.
inline bool becomes_bytes(const CodedWeights& weights) { return weights.bits == 4; }

inline std::int64_t coded_amx_row_bytes(const CodedWeights& weights) {
  const std::int64_t padded = coded_amx_padded(weights);
  return becomes_bytes(weights) ? prepared_row_bytes<Int8Product>(padded) : prepared_row_bytes<Bfloat16Product>(padded);
}

std::int64_t coded_amx_prepared_bytes(const CodedWeights& weights, std::int64_t rows) {
  return rows < coded_amx_least_rows ? coded_prepared_bytes(weights, rows) : rows * coded_amx_row_bytes(weights);
}

/// Inputs [i, i + width) of a row as the panels have them, zeros past the last.
inline Floats ordered_inputs(const CodedWeights& weights, const float* x, std::int64_t i) {
  if (weights.order == nullptr) return load_up_to(x + i, weights.inputs - i);
  alignas(64) float gathered[width] = {};
  for (std::int64_t lane = 0; lane < width && i + lane < weights.inputs; ++lane) gathered[lane] = x[weights.order[i + lane]];
  return load(gathered);
}

void prepare_coded_amx_rows(const CodedWeights& weights, const float* x, std::int64_t stride, std::int64_t rows, void* memory) {
  if (rows < coded_amx_least_rows) return prepare_coded_rows(weights, x, stride, rows, memory);
  const std::int64_t row_bytes = coded_amx_row_bytes(weights);
  const std::int64_t padded = coded_amx_padded(weights);
  auto* to = static_cast<std::byte*>(memory);
  for (std::int64_t row = 0; row < rows; ++row, x += stride, to += row_bytes) {
    if (becomes_bytes(weights)) {
      const Quantisation quantisation = spanning_quantisation(x, weights.inputs);
      const RowSteps steps = {.scale = quantisation.scale, .zero = quantisation.zero};
      __builtin_memcpy(to + group_bytes<Int8Product>(padded), &steps, sizeof(steps));
      for (std::int64_t i = 0; i < padded; i += width)
        Int8Product::store_activations(to + i, spanning_steps(ordered_inputs(weights, x, i), quantisation));
    } else {
      for (std::int64_t i = 0; i < padded; i += width) Bfloat16Product::store_activations(to + i * 2, ordered_inputs(weights, x, i));
    }
  }
}

/// The nearest bfloat16 of both, ties away from zero, that of `first` in the low half.
inline Integers bfloat16_pairs(Floats first, Floats second) {
  const Integers half = spread(std::int32_t{0x8000});
  const Integers high = spread(static_cast<std::int32_t>(0xffff0000U));
  return bitwise_or(shift_right<16>(add(bits_of(first), half)), bitwise_and(add(bits_of(second), half), high));
}

/// Four codes in each lane, beginning at bit `shift`, as two pairs of bfloat16: scale · code + offset.
template <int bits, int shift>
inline void store_numbers(Integers codes, Floats scale, Floats offset, std::byte* to) {
  const Integers mask = spread(std::int32_t{(1 << bits) - 1});
  const auto number = [&](Integers code) { return multiply_add(to_floats(bitwise_and(code, mask)), scale, offset); };
  store_integers(to, bfloat16_pairs(number(shift_right<shift>(codes)), number(shift_right<shift + 8>(codes))));
  store_integers(to + panel_columns * 4, bfloat16_pairs(number(shift_right<shift + 16>(codes)), number(shift_right<shift + 24>(codes))));
}

/// Inputs [first, last) of a panel as pairs of bfloat16, as a panel of Bfloat16Product holds them.
template <class Codes>
void unpack_codes(const CodedWeights& weights, const std::byte* panel, std::int64_t first, std::int64_t last, std::byte* to) {
  constexpr std::int64_t lane_bytes = width * 4;
  const Floats zero = spread(static_cast<float>(weights.zero));
  for (std::int64_t input = first; input < last; input += Codes::step) {
    const std::byte* scales = panel + input / weights.group_size * coded_group_bytes(weights);
    const std::byte* codes = scales + coded_scale_bytes(weights) + input % weights.group_size / 4 * quad_bytes<Codes>;
    Floats scale[coded_columns];
    Floats offset[coded_columns];
#pragma GCC unroll 8
    for (int i = 0; i < coded_columns; ++i) {
      scale[i] = load_halves(scales + i * width * 2);
      offset[i] = Codes::has_offsets ? load_halves(scales + (panel_columns + i * width) * 2) : spread(0.0F);
      offset[i] = subtract_product(zero, scale[i], offset[i]);
    }
#pragma GCC unroll 8
    for (int quad = 0; quad < Codes::step / 4; ++quad, codes += quad_bytes<Codes>, to += 2 * panel_columns * 4) {
      if constexpr (Codes::bits == 4) {
#pragma GCC unroll 8
        for (int i = 0; i < coded_low_columns; ++i) {
          const Integers both = load_integers(codes + i * lane_bytes);
          const int high = i + coded_low_columns;
          store_numbers<4, 0>(both, scale[i], offset[i], to + i * lane_bytes);
          store_numbers<4, 4>(both, scale[high], offset[high], to + high * lane_bytes);
        }
      } else {
#pragma GCC unroll 8
        for (int i = 0; i < coded_columns; ++i)
          store_numbers<8, 0>(load_integers(codes + i * lane_bytes), scale[i], offset[i], to + i * lane_bytes);
      }
    }
  }
}

/// Bytes 0 and 2, and 1 and 3, of each lane as whole numbers of 16 bits.
struct ByteHalves {
  Integers even;
  Integers odd;
};

/// Codes, times 256, in steps of the output's bytes: (code - zero) · ratio + offset.
inline Integers code_bytes(ByteHalves codes, Integers zero, Integers ratio, Integers offset) {
  const auto steps = [&](Integers half) { return add_shorts(multiply_shorts_high(subtract_shorts(half, zero), ratio), offset); };
  return bitwise_or(bitwise_and(steps(codes.even), spread(std::int32_t{0x00ff00ff})), shift_shorts_left<8>(steps(codes.odd)));
}

/// The low 16 bits of each lane in both of its halves.
inline Integers twice_short(Integers x) { return bitwise_or(bitwise_and(x, spread(std::int32_t{0xffff})), shift_left<16>(x)); }

/// Inputs [first, last) of a panel of codes of four bits as bytes, as a panel of Int8Product holds them; the bytes of an output are
/// steps of its byte_scales.
template <class Codes>
void unpack_bytes(const CodedWeights& weights, std::int64_t panel, std::int64_t first, std::int64_t last, std::byte* to) {
  constexpr std::int64_t lane_bytes = width * 4;
  const std::byte* from = weights.panels + panel * coded_panel_bytes(weights);
  const Integers nibbles = spread(std::int32_t{0x0f000f00});
  const Integers zero = twice_short(spread(weights.zero * 256));
  Floats steps_of_one[coded_columns];  // of what the panel's numbers are before their factors
#pragma GCC unroll 8
  for (int i = 0; i < coded_columns; ++i) {
    const std::int64_t column = panel * panel_columns + i * width;
    const Floats scale = load(weights.byte_scales + column);
    steps_of_one[i] = divide(load(weights.factors + column), maximum(scale, spread(1e-37F)));
  }
  for (std::int64_t input = first; input < last; input += Codes::step) {
    const std::byte* scales = from + input / weights.group_size * coded_group_bytes(weights);
    const std::byte* codes = scales + coded_scale_bytes(weights) + input % weights.group_size / 4 * quad_bytes<Codes>;
    Integers ratio[coded_columns];
    Integers offset[coded_columns];
#pragma GCC unroll 8
    for (int i = 0; i < coded_columns; ++i) {
      // Codes come times 2^8, and a product is divided by 2^15.
      ratio[i] = twice_short(to_integers(multiply(multiply(load_halves(scales + i * width * 2), steps_of_one[i]), spread(128.0F))));
      offset[i] = spread(std::int32_t{0});
      if constexpr (Codes::has_offsets)
        offset[i] = twice_short(to_integers(multiply(load_halves(scales + (panel_columns + i * width) * 2), steps_of_one[i])));
    }
#pragma GCC unroll 8
    for (int quad = 0; quad < Codes::step / 4; ++quad, codes += quad_bytes<Codes>, to += panel_columns * 4) {
#pragma GCC unroll 8
      for (int i = 0; i < coded_low_columns; ++i) {
        const Integers both = load_integers(codes + i * lane_bytes);
        const int high = i + coded_low_columns;
        const ByteHalves low_codes{bitwise_and(shift_left<8>(both), nibbles), bitwise_and(both, nibbles)};
        const ByteHalves high_codes{bitwise_and(shift_left<4>(both), nibbles), bitwise_and(shift_right<4>(both), nibbles)};
        store_integers(to + i * lane_bytes, code_bytes(low_codes, zero, ratio[i], offset[i]));
        store_integers(to + high * lane_bytes, code_bytes(high_codes, zero, ratio[high], offset[high]));
      }
    }
  }
}

/// Inputs [first, last) of a panel as the products of these weights take them, zeros up to `padded`.
inline void unpack(const CodedWeights& weights, std::int64_t panel, std::int64_t first, std::int64_t last, std::int64_t padded,
                   std::byte* to) {
  const std::int64_t input_bytes = panel_columns * (becomes_bytes(weights) ? 1 : 2);
  with_codes(weights, [&]<class Codes>(Codes) {
    if constexpr (Codes::bits == 4)
      unpack_bytes<Codes>(weights, panel, first, last, to);
    else
      unpack_codes<Codes>(weights, weights.panels + panel * coded_panel_bytes(weights), first, last, to);
  });
  if (padded > last) __builtin_memset(to + (last - first) * input_bytes, 0, static_cast<std::size_t>((padded - last) * input_bytes));
}

void pack_coded_amx_panel(const CodedWeights& weights, std::int64_t panel, const CodedRows& rows) {
  pack_coded_panel(weights, panel, rows);
  if (!becomes_bytes(weights)) return;
  const std::int64_t groups = weights.groups();
  const auto half = [](std::uint16_t bits) {
    alignas(64) std::uint16_t halves[width] = {bits};
    alignas(64) float floats[width];
    store(floats, load_halves(halves));
    return floats[0];
  };
  for (std::int64_t column = 0; column < panel_columns; ++column) {
    float largest = 0.0F;
    for (std::int64_t group = 0; column < rows.count && group < groups; ++group) {
      const float scale = half(rows.scales[column * groups + group]);
      const float offset = weights.has_offsets ? half(rows.offsets[column * groups + group]) : 0.0F;
      for (const std::int32_t code : {0, 15}) {
        const float end = __builtin_fabsf(scale * static_cast<float>(code - weights.zero) + offset);
        largest = end > largest ? end : largest;
      }
    }
    const std::int64_t place = panel * panel_columns + column;
    weights.byte_scales[place] = weights.factors[place] * largest / 126.0F;  // one step is left for offsets, rounded apart
  }
  std::int32_t sums[panel_columns] = {};
  const std::int64_t inputs = coded_inputs(weights);
  alignas(64) std::byte bytes[coded_amx_inputs * panel_columns];
  for (std::int64_t first = 0; first < inputs; first += coded_amx_inputs) {
    const std::int64_t last = smaller(inputs, first + coded_amx_inputs);
    unpack(weights, panel, first, last, last, bytes);
    for (std::int64_t i = 0; i < (last - first) * panel_columns; ++i) sums[i / 4 % panel_columns] += static_cast<std::int8_t>(bytes[i]);
  }
  for (std::int64_t column = 0; column < panel_columns; ++column) weights.byte_sums[panel * panel_columns + column] = sums[column];
}

/// Adds to sums [rows, panel_columns], or sets them, the products of `inputs` inputs of prepared rows x and an unpacked panel.
template <class Tiles, class Product>
void add_tile_products(const std::byte* x, std::int64_t stride, std::int64_t rows, const std::byte* panel, std::int64_t inputs, bool first,
                       std::byte* sums) {
  constexpr std::int64_t sums_stride = panel_columns * 4;
  Tiles tiles;
  std::int64_t configured = 0;
  for (std::int64_t row = 0; row < rows; row += amx_rows) {
    const std::int64_t height = smaller(rows - row, amx_rows);
    const std::int64_t upper = smaller(height, amx_rows / 2);
    if (height != configured) tiles.configure(upper, height - upper);
    configured = height;
    const AmxTileArguments tile{.activations = x + row * stride,
                                .activation_stride = stride,
                                .upper = upper,
                                .panel = panel,
                                .steps = whole_blocks(inputs / Product::group * 4) / block_bytes,
                                .sums = sums + row * sums_stride,
                                .sums_stride = sums_stride,
                                .before = first ? nullptr : sums + row * sums_stride};
    if (height > upper) {
      multiply_amx_tile<Product, true, Streamed::nothing>(tiles, tile, [] {});
    } else {
      multiply_amx_tile<Product, false, Streamed::nothing>(tiles, tile, [] {});
    }
  }
}

template <class Tiles>
void coded_tile_gemm(const CodedGemmArguments& arguments) {
  if (arguments.rows < coded_amx_least_rows) return coded_gemm(arguments);
  const CodedWeights& weights = arguments.weights;
  const std::int64_t stride = coded_amx_row_bytes(weights);
  const std::int64_t inputs = coded_inputs(weights);
  const bool bytes = becomes_bytes(weights);
  const std::int64_t input_bytes = bytes ? 1 : 2;
  alignas(64) std::byte unpacked[coded_amx_inputs * panel_columns * 2];
  alignas(64) std::byte sums[coded_amx_most_rows * panel_columns * 4];
  const PackedWeights shape{.precision = Precision::int8,
                            .outputs = weights.outputs,
                            .inputs = coded_amx_padded(weights),
                            .scales = weights.byte_scales,
                            .sums = weights.byte_sums};
  for (std::int64_t panel = arguments.first_panel; panel < arguments.last_panel; ++panel) {
    for (std::int64_t row = 0; row < arguments.rows; row += coded_amx_most_rows) {
      const std::int64_t rows = smaller(arguments.rows - row, coded_amx_most_rows);
      const std::byte* x = static_cast<const std::byte*>(arguments.prepared) + row * stride;
      for (std::int64_t first = 0; first < inputs; first += coded_amx_inputs) {
        const std::int64_t last = smaller(inputs, first + coded_amx_inputs);
        const std::int64_t padded = whole_blocks(last - first);
        unpack(weights, panel, first, last, first + padded, unpacked);
        const std::byte* here = x + first * input_bytes;
        if (bytes)
          add_tile_products<Tiles, Int8Product>(here, stride, rows, unpacked, padded, first == 0, sums);
        else
          add_tile_products<Tiles, Bfloat16Product>(here, stride, rows, unpacked, padded, first == 0, sums);
      }
      if (!bytes) {
        finish_coded(arguments, panel, row, rows, reinterpret_cast<float*>(sums));
        continue;
      }
      const PreparedLayout layout = prepared_layout<Int8Product>(1, coded_amx_padded(weights));
      finish_rows<Int8Product>({.weights = shape,
                                .prepared = arguments.prepared,
                                .rows = arguments.rows,
                                .first_panel = panel,
                                .last_panel = panel + 1,
                                .output = arguments.output,
                                .output_stride = arguments.output_stride,
                                .tail = arguments.tail},
                               {.first_row = row,
                                .rows = rows,
                                .first_column = panel * panel_columns,
                                .row_steps = static_cast<const std::byte*>(arguments.prepared) + layout.steps(row),
                                .row_steps_stride = layout.steps_stride()},
                               sums, 0, rows);
    }
  }
}

template <class Tiles>
constexpr CodedKernels coded_tile_kernels{.panel_bytes = coded_panel_bytes,
                                          .pack_panel = pack_coded_amx_panel,
                                          .quantise_four_bits = four_bit_codes,
                                          .prepared_bytes = coded_amx_prepared_bytes,
                                          .prepare = prepare_coded_amx_rows,
                                          .gemm = coded_tile_gemm<Tiles>};

}  // namespace
}  // namespace accelerate::cpu

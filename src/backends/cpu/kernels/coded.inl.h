// x·Wᵀ where W is stored as codes: each step of a group is multiplied as bytes and leaves its sum, scaled, in floats. Few rows
// run at the pace at which memory gives the codes.
#pragma once

#include "backends/cpu/kernels/four_bits.inl.h"
#include "backends/cpu/kernels/gemm.inl.h"

namespace accelerate::cpu {
namespace {

/// Rows of one register tile: sums in whole numbers and in floats for all columns of a panel, beside codes and scales.
constexpr int coded_tile_rows = width == 16 ? 4 : 2;
/// Registers of a panel's columns, and of those in the low halves of bytes that hold two codes.
constexpr int coded_columns = static_cast<int>(panel_columns / width);
constexpr int coded_low_columns = coded_columns / 2;

inline std::int64_t coded_scale_bytes(const CodedWeights& weights) { return panel_columns * 2 * (weights.has_offsets ? 2 : 1); }

inline std::int64_t coded_group_bytes(const CodedWeights& weights) {
  return coded_scale_bytes(weights) + weights.group_size * panel_columns * weights.bits / 8;
}

std::int64_t coded_panel_bytes(const CodedWeights& weights) { return weights.groups() * coded_group_bytes(weights); }

/// Inputs up to whole groups.
inline std::int64_t coded_inputs(const CodedWeights& weights) { return weights.groups() * weights.group_size; }

/// Four codes of a row from input `first` on, zeros past the last.
inline std::uint32_t four_codes(const std::uint8_t* row, std::int64_t first, std::int64_t inputs) {
  std::uint32_t codes = 0;
  const std::int64_t count = smaller(inputs - first, 4);
  if (count > 0) __builtin_memcpy(&codes, row + first, static_cast<std::size_t>(count));
  return codes;
}

void pack_coded_panel(const CodedWeights& weights, std::int64_t panel, const CodedRows& rows) {
  std::byte* to = weights.panels + panel * coded_panel_bytes(weights);
  const std::int64_t groups = weights.groups();
  const auto put = [&](std::uint32_t word) {
    __builtin_memcpy(to, &word, sizeof(word));
    to += sizeof(word);
  };
  const auto codes = [&](std::int64_t column, std::int64_t first) {
    return column < rows.count ? four_codes(rows.codes + column * weights.inputs, first, weights.inputs) : 0U;
  };
  const auto put_halves = [&](const std::uint16_t* halves, std::int64_t group) {
    for (std::int64_t column = 0; column < panel_columns; ++column, to += 2) {
      const std::uint16_t half = column < rows.count ? halves[column * groups + group] : std::uint16_t{0};
      __builtin_memcpy(to, &half, sizeof(half));
    }
  };
  for (std::int64_t group = 0; group < groups; ++group) {
    put_halves(rows.scales, group);
    if (weights.has_offsets) put_halves(rows.offsets, group);
    for (std::int64_t first = group * weights.group_size; first < (group + 1) * weights.group_size; first += 4) {
      if (weights.bits == 4) {  // the first half of the columns in the low bits
        constexpr std::int64_t half = panel_columns / 2;
        for (std::int64_t column = 0; column < half; ++column) put(codes(column, first) | codes(column + half, first) << 4U);
      } else {
        for (std::int64_t column = 0; column < panel_columns; ++column) put(codes(column, first));
      }
    }
  }
  for (std::int64_t column = 0; column < panel_columns; ++column)
    weights.factors[panel * panel_columns + column] = column < rows.count ? rows.factors[column] : 0.0F;
}

/// A row of activations: steps of its inputs, then for each chunk what one stands for, and for each step of the weights the
/// sum that its products begin with, which takes the code of 0 back out, and what its inputs add up to.
struct CodedRowLayout {
  explicit CodedRowLayout(const CodedWeights& weights)
      : inputs(coded_inputs(weights)),
        scales(whole_blocks(inputs)),
        starts(scales + (inputs + coded_chunk - 1) / coded_chunk * 4),
        totals(starts + inputs / weights.step() * 4),
        bytes(whole_blocks(totals + inputs / weights.step() * 4) + block_bytes) {}

  std::int64_t inputs;
  std::int64_t scales;
  std::int64_t starts;
  std::int64_t totals;
  std::int64_t bytes;
};

std::int64_t coded_prepared_bytes(const CodedWeights& weights, std::int64_t rows) { return rows * CodedRowLayout(weights).bytes; }

/// Steps of x [count] around zero, zeros up to coded_chunk; returns what one stands for.
inline float encode_chunk(const float* x, std::int64_t count, std::byte* to) {
  const Quantisation quantisation = symmetric_quantisation(x, count);
  for (std::int64_t i = 0; i < coded_chunk; i += width) {
    const Floats values = i < count ? load_up_to(x + i, count - i) : spread(0.0F);
    store_bytes(to + i, quantised(values, quantisation.factor));
  }
  return quantisation.scale;
}

/// One row of activations as CodedRowLayout says.
inline void prepare_coded_row(const CodedWeights& weights, const float* x, std::byte* to) {
  const CodedRowLayout layout(weights);
  const std::int64_t step = weights.step();
  alignas(64) float gathered[coded_chunk];
  for (std::int64_t first = 0; first < layout.inputs; first += coded_chunk) {
    const std::int64_t count = smaller(weights.inputs - first, coded_chunk);
    const float* from = x + first;
    if (weights.order != nullptr && count > 0) {
      for (std::int64_t i = 0; i < count; ++i) gathered[i] = x[weights.order[first + i]];
      from = gathered;
    }
    // A group of 16 may end in the middle of the last chunk; its other half has no weights.
    alignas(64) std::byte steps[coded_chunk];
    const float scale = count > 0 ? encode_chunk(from, count, steps) : 0.0F;
    if (count <= 0) __builtin_memset(steps, 0, sizeof(steps));
    const std::int64_t kept = smaller(layout.inputs - first, coded_chunk);
    __builtin_memcpy(to + first, steps, static_cast<std::size_t>(kept));
    __builtin_memcpy(to + layout.scales + first / coded_chunk * 4, &scale, sizeof(scale));
    for (std::int64_t part = 0; part < kept; part += step) {
      std::int32_t sum = 0;
      for (std::int64_t i = 0; i < step; ++i) sum += static_cast<std::int8_t>(steps[part + i]);
      const std::int32_t start = -weights.zero * sum;
      const float total = scale * static_cast<float>(sum);
      const std::int64_t index = (first + part) / step;
      __builtin_memcpy(to + layout.starts + index * 4, &start, sizeof(start));
      __builtin_memcpy(to + layout.totals + index * 4, &total, sizeof(total));
    }
  }
}

void prepare_coded_rows(const CodedWeights& weights, const float* x, std::int64_t stride, std::int64_t rows, void* memory) {
  const CodedRowLayout layout(weights);
  for (std::int64_t row = 0; row < rows; ++row)
    prepare_coded_row(weights, x + row * stride, static_cast<std::byte*>(memory) + row * layout.bytes);
}

/// What distinguishes the kernels of codes.
template <int code_bits, int step_inputs, bool with_offsets>
struct Codes {
  static constexpr int bits = code_bits;
  static constexpr int step = step_inputs;
  static constexpr bool has_offsets = with_offsets;
};

/// One step's codes of a quad of inputs in a panel, as bytes.
template <class Codes>
inline void load_codes(const std::byte* from, Integers (&codes)[coded_columns]) {
  if constexpr (Codes::bits == 4) {
    const Integers low_bits = spread(std::int32_t{0x0f0f0f0f});
#pragma GCC unroll 8
    for (int i = 0; i < coded_low_columns; ++i) {
      const Integers both = load_integers(from + i * width * 4);
      codes[i] = bitwise_and(both, low_bits);
      codes[i + coded_low_columns] = bitwise_and(shift_right<4>(both), low_bits);
    }
  } else {
#pragma GCC unroll 8
    for (int i = 0; i < coded_columns; ++i) codes[i] = load_integers(from + i * width * 4);
  }
}

/// Bytes of a quad of inputs in a panel.
template <class Codes>
constexpr std::int64_t quad_bytes = panel_columns * 4 * Codes::bits / 8;

struct CodedTile {
  const CodedWeights& weights;
  const std::byte* x;  ///< prepared rows
  std::int64_t stride;
  const std::byte* panel;
  float* sums;  ///< [rows, panel_columns]
};

/// The panel's sums for `rows` rows of prepared activations. Codes some way ahead are asked for: the processor's own
/// prefetching stops at each page.
template <class Codes, int rows>
void multiply_coded_tile(const CodedTile& tile) {
  constexpr std::int64_t ahead = 4096;
  const CodedRowLayout layout(tile.weights);
  const std::int64_t steps = tile.weights.group_size / Codes::step;
  const std::int64_t groups = tile.weights.groups();
  const std::byte* x = tile.x;
  const std::byte* panel = tile.panel;
  const auto load_scales = [&](Floats(&scales)[coded_columns]) {
#pragma GCC unroll 8
    for (int i = 0; i < coded_columns; ++i) scales[i] = load_halves(panel + i * width * 2);
    __builtin_prefetch(panel + ahead, 0, 2);
    panel += panel_columns * 2;
  };
  Floats sums[rows][coded_columns];
  for (auto& row : sums) {
    for (auto& sum : row) sum = spread(0.0F);
  }

  std::int64_t index = 0;  // of the step
  for (std::int64_t group = 0; group < groups; ++group) {
    Floats scales[coded_columns];
    [[maybe_unused]] Floats offsets[coded_columns];
    load_scales(scales);
    if constexpr (Codes::has_offsets) load_scales(offsets);
    for (std::int64_t step = 0; step < steps; ++step, ++index) {
      Integers dots[rows][coded_columns];
#pragma GCC unroll 8
      for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 8
        for (int column = 0; column < coded_columns; ++column)
          dots[row][column] = spread_group(x + row * tile.stride + layout.starts + index * 4);
      }
#pragma GCC unroll 8
      for (int quad = 0; quad < Codes::step / 4; ++quad) {
        for (std::int64_t line = 0; line < quad_bytes<Codes>; line += 64) __builtin_prefetch(panel + ahead + line, 0, 2);
        Integers codes[coded_columns];
        load_codes<Codes>(panel, codes);
        panel += quad_bytes<Codes>;
#pragma GCC unroll 8
        for (int row = 0; row < rows; ++row) {
          const Integers activations = spread_group(x + row * tile.stride + index * Codes::step + quad * 4);
#pragma GCC unroll 8
          for (int column = 0; column < coded_columns; ++column)
            dots[row][column] = add_code_quads<Codes::bits>(dots[row][column], codes[column], activations);
        }
      }
      const std::int64_t chunk = index * Codes::step / coded_chunk;
#pragma GCC unroll 8
      for (int row = 0; row < rows; ++row) {
        const Floats step_scale = floats_of(spread_group(x + row * tile.stride + layout.scales + chunk * 4));
        [[maybe_unused]] const Floats total = floats_of(spread_group(x + row * tile.stride + layout.totals + index * 4));
#pragma GCC unroll 8
        for (int column = 0; column < coded_columns; ++column) {
          Floats& sum = sums[row][column];
          sum = multiply_add(multiply(to_floats(dots[row][column]), step_scale), scales[column], sum);
          if constexpr (Codes::has_offsets) sum = multiply_add(total, offsets[column], sum);
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 8
    for (int column = 0; column < coded_columns; ++column) store(tile.sums + row * panel_columns + column * width, sums[row][column]);
  }
}

template <class Codes>
void multiply_coded_rows(std::int64_t rows, const CodedTile& tile) {
  switch (rows) {
    case 1:
      return multiply_coded_tile<Codes, 1>(tile);
    case 2:
      return multiply_coded_tile<Codes, 2>(tile);
    case 3:
      return multiply_coded_tile<Codes, coded_tile_rows == 4 ? 3 : 2>(tile);
    default:
      return multiply_coded_tile<Codes, coded_tile_rows>(tile);
  }
}

/// Calls body with the Codes of these weights.
template <class Body>
void with_codes(const CodedWeights& weights, const Body& body) {
  const auto with_offsets = [&]<int bits, int step>() {
    if (weights.has_offsets) return body(Codes<bits, step, true>{});
    body(Codes<bits, step, false>{});
  };
  if (weights.bits == 4) return with_offsets.template operator()<4, 32>();
  if (weights.step() == 16) return with_offsets.template operator()<8, 16>();
  with_offsets.template operator()<8, 32>();
}

/// Scales sums [rows, panel_columns] by the outputs' factors and writes them through the tail.
inline void finish_coded(const CodedGemmArguments& arguments, std::int64_t panel, std::int64_t first_row, std::int64_t rows, float* sums) {
  const CodedWeights& weights = arguments.weights;
  for (std::int64_t column = 0; column < panel_columns; column += width) {
    const Floats factors = load(weights.factors + panel * panel_columns + column);
    for (std::int64_t row = 0; row < rows; ++row) {
      float* sum = sums + row * panel_columns + column;
      store(sum, multiply(load(sum), factors));
    }
  }
  const PackedWeights shape{.outputs = weights.outputs, .inputs = weights.inputs};
  finish_rows<Float32Product>({.weights = shape,
                               .prepared = arguments.prepared,
                               .rows = arguments.rows,
                               .first_panel = panel,
                               .last_panel = panel + 1,
                               .output = arguments.output,
                               .output_stride = arguments.output_stride,
                               .tail = arguments.tail},
                              {.first_row = first_row, .rows = rows, .first_column = panel * panel_columns}, sums, 0, rows);
}

void coded_gemm(const CodedGemmArguments& arguments) {
  const CodedWeights& weights = arguments.weights;
  const std::int64_t panel_bytes = coded_panel_bytes(weights);
  const std::int64_t stride = CodedRowLayout(weights).bytes;
  const RowTiles tiles(arguments.rows, coded_tile_rows);
  alignas(64) float sums[coded_tile_rows * panel_columns];
  with_codes(weights, [&]<class Codes>(Codes) {
    for (std::int64_t panel = arguments.first_panel; panel < arguments.last_panel; ++panel) {
      for (std::int64_t index = 0; index < tiles.count(); ++index) {
        const std::int64_t first = tiles.first(index);
        const std::int64_t rows = tiles.first(index + 1) - first;
        multiply_coded_rows<Codes>(rows, {.weights = weights,
                                          .x = static_cast<const std::byte*>(arguments.prepared) + first * stride,
                                          .stride = stride,
                                          .panel = weights.panels + panel * panel_bytes,
                                          .sums = sums});
        finish_coded(arguments, panel, first, rows, sums);
      }
    }
  });
}

constexpr CodedKernels coded_vector_kernels{.panel_bytes = coded_panel_bytes,
                                            .pack_panel = pack_coded_panel,
                                            .quantise_four_bits = four_bit_codes,
                                            .prepared_bytes = coded_prepared_bytes,
                                            .prepare = prepare_coded_rows,
                                            .gemm = coded_gemm};

}  // namespace
}  // namespace accelerate::cpu

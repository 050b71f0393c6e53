// matmul of two values. Products with weights are `linear` and have kernels of their own.
#include "backends/cpu/general_ops.h"

namespace accelerate::cpu {
namespace {

/// A matrix whose rows or columns may be apart.
struct Matrix {
  const float* data;
  std::int64_t row_stride;
  std::int64_t column_stride;

  float at(std::int64_t row, std::int64_t column) const { return data[row * row_stride + column * column_stride]; }
};

/// The dense matrix [rows, columns] at `data`, or its transpose [columns, rows].
Matrix matrix_of(const float* data, std::int64_t columns, bool transpose) {
  return transpose ? Matrix{data, 1, columns} : Matrix{data, columns, 1};
}

/// What is computed at a time: a tile of sums and the panel of b that it reads stay in the nearest caches.
constexpr std::int64_t tile_rows = 64;
constexpr std::int64_t tile_columns = 64;
constexpr std::int64_t panel_rows = 128;
constexpr std::int64_t vector_columns = 16;

struct Tile {
  std::int64_t first_row;
  std::int64_t rows;
  std::int64_t first_column;
  std::int64_t columns;
};

/// One tile of a [*, inner] · b [inner, *], into the matrix y of `stride` columns.
void multiply_tile(const Matrix& a, const Matrix& b, std::int64_t inner, const Tile& tile, float* y, std::int64_t stride) {
  alignas(64) std::array<std::array<float, tile_columns>, tile_rows> sums{};
  alignas(64) std::array<std::array<float, tile_columns>, panel_rows> panel{};
  const auto width = static_cast<std::size_t>(round_up(tile.columns, vector_columns));
  for (std::int64_t first = 0; first < inner; first += panel_rows) {
    const std::int64_t depth = std::min(panel_rows, inner - first);
    for (std::int64_t k = 0; k < depth; ++k)
      for (std::int64_t j = 0; j < tile.columns; ++j)
        panel[static_cast<std::size_t>(k)][static_cast<std::size_t>(j)] = b.at(first + k, tile.first_column + j);

    for (std::int64_t i = 0; i < tile.rows; ++i) {
      const std::int64_t row = tile.first_row + i;
      float* sum = sums[static_cast<std::size_t>(i)].data();
      std::int64_t k = 0;
      for (; k + 4 <= depth; k += 4) {  // four at a time, so that each sum is read and written a quarter as often
        const float a0 = a.at(row, first + k);
        const float a1 = a.at(row, first + k + 1);
        const float a2 = a.at(row, first + k + 2);
        const float a3 = a.at(row, first + k + 3);
        const float* b0 = panel[static_cast<std::size_t>(k)].data();
        const float* b1 = b0 + tile_columns;
        const float* b2 = b1 + tile_columns;
        const float* b3 = b2 + tile_columns;
        for (std::size_t j = 0; j < width; ++j) sum[j] += (a0 * b0[j] + a1 * b1[j]) + (a2 * b2[j] + a3 * b3[j]);
      }
      for (; k < depth; ++k) {
        const float a0 = a.at(row, first + k);
        const float* b0 = panel[static_cast<std::size_t>(k)].data();
        for (std::size_t j = 0; j < width; ++j) sum[j] += a0 * b0[j];
      }
    }
  }
  for (std::int64_t i = 0; i < tile.rows; ++i)
    std::copy_n(sums[static_cast<std::size_t>(i)].data(), tile.columns, y + (tile.first_row + i) * stride + tile.first_column);
}

/// For each matrix of the output, the number of the matrix of an input that it is made of, under stretched leading axes.
std::vector<std::int64_t> matrices_of(std::span<const std::int64_t> input_shape, std::span<const std::int64_t> output_shape) {
  const auto leading = output_shape.first(output_shape.size() - 2);
  const std::vector<std::int64_t> strides = stretched_strides(input_shape.first(input_shape.size() - 2), leading.size());
  std::vector<std::int64_t> matrices(static_cast<std::size_t>(count_of(leading)), 0);
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    auto rest = static_cast<std::int64_t>(i);
    for (std::size_t axis = leading.size(); axis-- > 0; rest /= leading[axis]) matrices[i] += rest % leading[axis] * strides[axis];
  }
  return matrices;
}

}  // namespace

void run_matmul(const GeneralCall& call) {
  const auto& options = call.node.as<MatmulOptions>();
  const DenseView& a = call.inputs[0];
  const DenseView& b = call.inputs[1];
  const std::int64_t rows = call.output.shape[call.output.shape.size() - 2];
  const std::int64_t columns = call.output.shape.back();
  const std::int64_t inner = a.shape[a.shape.size() - (options.transpose_a ? 2 : 1)];
  const std::vector<std::int64_t> a_matrices = matrices_of(a.shape, call.output.shape);
  const std::vector<std::int64_t> b_matrices = matrices_of(b.shape, call.output.shape);

  const std::int64_t row_tiles = divide_up(rows, tile_rows);
  const std::int64_t column_tiles = divide_up(columns, tile_columns);
  const std::int64_t tiles = row_tiles * column_tiles;
  const std::int64_t work = std::min(rows, tile_rows) * std::min(columns, tile_columns) * inner;
  for_chunks(call.threads, static_cast<std::int64_t>(a_matrices.size()) * tiles, items_per_chunk(work),
             [&](std::int64_t begin, std::int64_t end) {
               for (std::int64_t item = begin; item < end; ++item) {
                 const std::int64_t batch = item / tiles;
                 const std::int64_t first_row = item % tiles / column_tiles * tile_rows;
                 const std::int64_t first_column = item % tiles % column_tiles * tile_columns;
                 const float* a_data = elements<float>(a) + a_matrices[static_cast<std::size_t>(batch)] * rows * inner;
                 const float* b_data = elements<float>(b) + b_matrices[static_cast<std::size_t>(batch)] * inner * columns;
                 multiply_tile(matrix_of(a_data, a.shape.back(), options.transpose_a),
                               matrix_of(b_data, b.shape.back(), options.transpose_b), inner,
                               {.first_row = first_row,
                                .rows = std::min(tile_rows, rows - first_row),
                                .first_column = first_column,
                                .columns = std::min(tile_columns, columns - first_column)},
                               elements<float>(call.output) + batch * rows * columns, columns);
               }
             });
}

}  // namespace accelerate::cpu

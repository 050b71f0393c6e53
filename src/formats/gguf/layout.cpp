#include "formats/gguf/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "ipfs_accelerate/error.h"

namespace accelerate::gguf {
namespace {

/// The order of a tensor's rows: row r of transformers' is row order(r) of the file.
struct RowOrder {
  Layout layout;
  std::int64_t heads;
  std::int64_t rows;

  std::int64_t operator()(std::int64_t row) const {
    if (layout == Layout::thirds) {
      const std::int64_t size = rows / (3 * heads);
      return (row / size % 3 * heads + row / (3 * size)) * size + row % size;
    }
    if (layout == Layout::query_pairs || layout == Layout::key_pairs) {
      const std::int64_t size = rows / heads;
      const std::int64_t place = row % size;
      return row - place + place % (size / 2) * 2 + place / (size / 2);
    }
    return row;
  }

  bool is_permuted() const { return layout != Layout::same && layout != Layout::transposed && layout != Layout::plus_one; }

  /// Rows that come together.
  std::int64_t period() const { return heads * (layout == Layout::thirds ? 3 : 2); }
};

bool is_float(const BlockType& type) {
  return type.dtype == DType::float32 || type.dtype == DType::float16 || type.dtype == DType::bfloat16;
}

/// A tensor's bytes in the file, as rows.
struct Rows {
  const BlockType* type;
  std::int64_t count;
  std::int64_t columns;
  RowOrder order;

  std::int64_t blocks() const { return columns / type->elements; }
  std::int64_t bytes() const { return blocks() * type->bytes; }
  const std::byte* row(std::span<const std::byte> file, std::int64_t row) const { return file.data() + order(row) * bytes(); }
};

Tensor moved(const Rows& rows, std::span<const std::byte> file, const std::vector<std::int64_t>& shape) {
  Tensor tensor = Tensor::zeros(*rows.type->dtype, shape);
  std::byte* to = tensor.mutable_bytes().data();
  for (std::int64_t row = 0; row < rows.count; ++row, to += rows.bytes())
    std::memcpy(to, rows.row(file, row), static_cast<std::size_t>(rows.bytes()));
  return tensor;
}

Tensor decoded(const Rows& rows, std::span<const std::byte> file, const std::vector<std::int64_t>& shape) {
  Tensor tensor = Tensor::zeros(DType::float32, shape);
  const std::span<float> to = tensor.mutable_values<float>();
  for (std::int64_t row = 0; row < rows.count; ++row)
    decode(*rows.type, rows.row(file, row), rows.blocks(), to.data() + row * rows.columns);
  if (rows.order.layout == Layout::plus_one)
    for (float& number : to) number -= 1;
  return tensor;
}

Tensor decoded_transposed(const Rows& rows, std::span<const std::byte> file, const std::vector<std::int64_t>& shape) {
  const Tensor stored = decoded(rows, file, {rows.count, rows.columns});
  const std::span<const float> from = stored.values<float>();
  Tensor tensor = Tensor::zeros(DType::float32, shape);
  const std::span<float> to = tensor.mutable_values<float>();
  for (std::int64_t row = 0; row < rows.count; ++row)
    for (std::int64_t column = 0; column < rows.columns; ++column)
      to[static_cast<std::size_t>(column * rows.count + row)] = from[static_cast<std::size_t>(row * rows.columns + column)];
  return tensor;
}

/// Codes of rows, two a byte where they have four bits: that of the even column in the low half.
void put_codes(const BlockType& type, const Codes& block, std::byte* to) {
  for (std::int64_t i = 0; i < type.elements; ++i) {
    const auto code = static_cast<std::byte>(block.codes[static_cast<std::size_t>(i)]);
    if (type.bits == 8)
      to[i] = code;
    else
      to[i / 2] |= i % 2 == 0 ? code : code << 4;
  }
}

/// The matrix as what dequantize takes (graph/ops.h).
QuantisedWeight codes_of(const Rows& rows, std::span<const std::byte> file, bool transposed) {
  const BlockType& type = *rows.type;
  const std::int64_t groups = rows.columns / type.group;
  const DType dtype = type.bits == 8 && type.zero == 0 && !type.has_offsets ? DType::int8 : DType::uint8;
  QuantisedWeight weight{
      .codes = Tensor::zeros(dtype, {rows.count, rows.columns * type.bits / 8}),
      .scales = Tensor::zeros(DType::float32, {rows.count, groups}),
      .options = {.bits = static_cast<int>(type.bits), .columns = rows.columns, .group_size = type.group, .zero = type.zero},
      .transposed = transposed};
  if (type.has_offsets) weight.offsets = Tensor::zeros(DType::float32, {rows.count, groups});
  std::byte* codes = weight.codes.mutable_bytes().data();
  float* scales = weight.scales.mutable_values<float>().data();
  float* offsets = weight.offsets ? weight.offsets->mutable_values<float>().data() : nullptr;
  const std::int64_t block_groups = type.elements / type.group;
  Codes block{};
  for (std::int64_t row = 0; row < rows.count; ++row) {
    const std::byte* from = rows.row(file, row);
    for (std::int64_t i = 0; i < rows.blocks(); ++i, from += type.bytes, codes += type.elements * type.bits / 8) {
      type.unpack(from, block);
      put_codes(type, block, codes);
      scales = std::copy_n(block.scales.data(), block_groups, scales);
      if (offsets != nullptr) offsets = std::copy_n(block.offsets.data(), block_groups, offsets);
    }
  }
  return weight;
}

}  // namespace

TensorEntry entry_of(const TensorInfo& info, Layout layout, const Heads& heads) {
  const BlockType& type = *info.type;
  TensorEntry entry{.type = type.name,
                    .dtype = type.is_quantised() ? DType::float32 : type.dtype,
                    .shape = info.shape,
                    .offset = info.offset,
                    .byte_size = info.byte_size};
  if (!entry.dtype) return entry;  // known by name alone
  if (info.shape.size() > 2 && layout != Layout::same)
    throw Error(ErrorKind::invalid_file, fmt::format("has the shape {}, expected at most two axes", shape_text(info.shape)));

  const RowOrder order{.layout = layout,
                       .heads = layout == Layout::key_pairs ? heads.keys : heads.queries,
                       .rows = info.shape.empty() ? 1 : info.shape.front()};
  std::int64_t elements = 1;
  for (const std::int64_t size : info.shape) elements *= size;
  if (order.is_permuted()) {
    if (order.rows % order.period() != 0)
      throw Error(ErrorKind::invalid_file, fmt::format("has {} rows, expected a multiple of {}", order.rows, order.period()));
    if (elements / order.rows % type.elements != 0)
      throw Error(ErrorKind::invalid_file, fmt::format("has one axis, expected another type than {}", type.name));
  }
  const bool is_matrix = info.shape.size() == 2;
  const bool by_row = is_matrix || order.is_permuted();
  const Rows rows{.type = &type, .count = by_row ? order.rows : 1, .columns = by_row ? elements / order.rows : elements, .order = order};

  if (is_matrix && type.is_quantised() && layout != Layout::plus_one)
    entry.codes = [rows, transposed = layout == Layout::transposed](std::span<const std::byte> bytes) {
      return codes_of(rows, bytes, transposed);
    };
  if (layout == Layout::transposed && is_matrix) {
    std::swap(entry.shape[0], entry.shape[1]);
    if (!type.is_quantised()) {
      entry.strides = {1, rows.columns};
      return entry;
    }
    entry.decode = [rows](const auto& shape, std::span<const std::byte> bytes) { return decoded_transposed(rows, bytes, shape); };
    return entry;
  }
  if (type.is_quantised() || (layout == Layout::plus_one && is_float(type))) {
    entry.dtype = DType::float32;
    entry.decode = [rows](const auto& shape, std::span<const std::byte> bytes) { return decoded(rows, bytes, shape); };
  } else if (order.is_permuted()) {
    entry.decode = [rows](const auto& shape, std::span<const std::byte> bytes) { return moved(rows, bytes, shape); };
  }
  return entry;
}

}  // namespace accelerate::gguf

#include "processing/text_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

Tensor vector_of(std::span<const std::int64_t> values) { return Tensor::from(values, {static_cast<std::int64_t>(values.size())}); }

const Tensor& input_ids_of(const TensorMap& inputs) {
  const auto found = inputs.find("input_ids");
  if (found == inputs.end()) throw Error(ErrorKind::invalid_argument, "no tensor input_ids, expected integers [batch, tokens]");
  if (found->second.rank() == 2) return found->second;
  throw Error(ErrorKind::invalid_argument, fmt::format("input_ids is {}, expected [batch, tokens]", shape_text(found->second.shape())));
}

/// The elements of an integer or boolean tensor. Throws invalid_argument naming the tensor for other dtypes.
std::vector<std::int64_t> integers_of(const Tensor& tensor, std::string_view name) {
  const auto widened = [&]<typename T>(T) {
    const std::span<const T> values = tensor.values<T>();
    return std::vector<std::int64_t>(values.begin(), values.end());
  };
  switch (tensor.dtype()) {
    case DType::int64:
      return widened(std::int64_t{});
    case DType::int32:
      return widened(std::int32_t{});
    case DType::int16:
      return widened(std::int16_t{});
    case DType::int8:
      return widened(std::int8_t{});
    case DType::uint8:
      return widened(std::uint8_t{});
    case DType::boolean: {
      // A file may hold any byte where a bool is expected, and reading one as bool would be undefined.
      std::vector<std::int64_t> values;
      for (const std::byte byte : tensor.bytes()) values.push_back(std::to_integer<std::int64_t>(byte));
      return values;
    }
    default:
      throw Error(ErrorKind::invalid_argument, fmt::format("{} is of {}, expected integers", name, name_of(tensor.dtype())));
  }
}

void expect_shape_of_ids(const Tensor& tensor, std::string_view name, const PaddedLayout& layout) {
  const std::int64_t expected[] = {layout.rows, layout.columns};
  if (std::ranges::equal(tensor.shape(), expected)) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("{} is {}, expected the shape of input_ids, {}", name, shape_text(tensor.shape()), shape_text(expected)));
}

/// Throws unless the tensor has as many rows and columns as input_ids, and perhaps more axes.
void expect_rows_of_ids(const Tensor& tensor, std::string_view name, const PaddedLayout& layout) {
  if (tensor.rank() >= 2 && tensor.dim(0) == layout.rows && tensor.dim(1) == layout.columns) return;
  throw Error(ErrorKind::invalid_argument, fmt::format("{} is {}, expected the shape of input_ids, [{}, {}], or that with more axes", name,
                                                       shape_text(tensor.shape()), layout.rows, layout.columns));
}

std::vector<std::int64_t> mask_of(const TensorMap& inputs, const PaddedLayout& layout) {
  const auto found = inputs.find("attention_mask");
  if (found == inputs.end()) return std::vector<std::int64_t>(static_cast<std::size_t>(layout.rows * layout.columns), 1);
  expect_shape_of_ids(found->second, "attention_mask", layout);
  std::vector<std::int64_t> mask = integers_of(found->second, "attention_mask");
  const auto wrong = std::ranges::find_if(mask, [](std::int64_t value) { return value != 0 && value != 1; });
  if (wrong == mask.end()) return mask;
  const std::int64_t place = wrong - mask.begin();
  throw Error(ErrorKind::invalid_argument, fmt::format("attention_mask has {} in row {} at column {}, expected 0 or 1", *wrong,
                                                       place / layout.columns, place % layout.columns));
}

/// Sizes of the axes after `first_axis`.
std::vector<std::int64_t> inner_shape(const Tensor& tensor, std::int64_t first_axis) {
  const std::span<const std::int64_t> shape = tensor.shape();
  return {shape.begin() + first_axis, shape.end()};
}

std::vector<std::int64_t> joined(std::initializer_list<std::int64_t> outer, const std::vector<std::int64_t>& inner) {
  std::vector<std::int64_t> shape(outer);
  shape.insert(shape.end(), inner.begin(), inner.end());
  return shape;
}

/// Calls copy(index in the ragged batch, index in the rectangle) for each token.
template <typename Copy>
void for_each_token(const PaddedLayout& layout, Copy copy) {
  for (std::int64_t row = 0; row < layout.rows; ++row) {
    for (std::int64_t token = layout.begins[static_cast<std::size_t>(row)]; token < layout.begins[static_cast<std::size_t>(row) + 1];
         ++token) {
      copy(static_cast<std::size_t>(token),
           static_cast<std::size_t>(row * layout.columns + layout.positions[static_cast<std::size_t>(token)]));
    }
  }
}

}  // namespace

TensorMap pad(const Encodings& encodings, const PaddingOptions& options) {
  const std::int64_t rows = encodings.inputs();
  const std::int64_t columns = encodings.longest();
  const auto rectangle = [&](std::span<const std::int64_t> values, std::int64_t padding) {
    Tensor tensor = Tensor::zeros(DType::int64, {rows, columns});
    const std::span<std::int64_t> cells = tensor.mutable_values<std::int64_t>();
    std::ranges::fill(cells, padding);
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t begin = encodings.begins[static_cast<std::size_t>(row)];
      const std::int64_t length = encodings.begins[static_cast<std::size_t>(row) + 1] - begin;
      const std::int64_t first = row * columns + (options.side == Side::right ? 0 : columns - length);
      std::ranges::copy(values.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(length)), cells.begin() + first);
    }
    return tensor;
  };

  TensorMap padded;
  padded.emplace("input_ids", rectangle(encodings.ids, options.pad_id));
  padded.emplace("attention_mask", rectangle(std::vector<std::int64_t>(encodings.ids.size(), 1), 0));
  if (options.token_type_ids) padded.emplace("token_type_ids", rectangle(encodings.type_ids, 0));
  return padded;
}

PaddedLayout padded_layout(const TensorMap& inputs) {
  const Tensor& ids = input_ids_of(inputs);
  PaddedLayout layout{.rows = ids.dim(0), .columns = ids.dim(1)};
  const std::vector<std::int64_t> mask = mask_of(inputs, layout);
  for (std::int64_t row = 0; row < layout.rows; ++row) {
    for (std::int64_t column = 0; column < layout.columns; ++column) {
      if (mask[static_cast<std::size_t>(row * layout.columns + column)] != 0) layout.positions.push_back(column);
    }
    if (layout.tokens() == layout.begins.back()) {
      throw Error(ErrorKind::invalid_argument, fmt::format("row {} of the batch has no token: attention_mask is 0 throughout", row));
    }
    layout.begins.push_back(layout.tokens());
  }
  return layout;
}

Tensor gather_tokens(const Tensor& padded, const PaddedLayout& layout) {
  if (padded.rank() < 2 || padded.dim(0) != layout.rows || padded.dim(1) != layout.columns) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("a tensor is {}, expected [{}, {}, …]", shape_text(padded.shape()), layout.rows, layout.columns));
  }
  Tensor ragged = Tensor::zeros(padded.dtype(), joined({layout.tokens()}, inner_shape(padded, 2)));
  if (ragged.size() == 0) return ragged;
  const std::size_t stride = ragged.byte_size() / static_cast<std::size_t>(layout.tokens());
  std::byte* to = ragged.mutable_bytes().data();
  const std::byte* from = padded.bytes().data();
  for_each_token(layout, [&](std::size_t token, std::size_t cell) { std::memcpy(to + token * stride, from + cell * stride, stride); });
  return ragged;
}

Tensor scatter_tokens(const Tensor& ragged, const PaddedLayout& layout) {
  if (ragged.rank() < 1 || ragged.dim(0) != layout.tokens()) {
    throw Error(ErrorKind::invalid_argument, fmt::format("a tensor is {}, expected [{}, …]", shape_text(ragged.shape()), layout.tokens()));
  }
  Tensor padded = Tensor::zeros(ragged.dtype(), joined({layout.rows, layout.columns}, inner_shape(ragged, 1)));
  if (ragged.size() == 0) return padded;
  const std::size_t stride = ragged.byte_size() / static_cast<std::size_t>(layout.tokens());
  std::byte* to = padded.mutable_bytes().data();
  const std::byte* from = ragged.bytes().data();
  for_each_token(layout, [&](std::size_t token, std::size_t cell) { std::memcpy(to + cell * stride, from + token * stride, stride); });
  return padded;
}

Tensor whole_numbers(const Tensor& tensor, std::string_view name) {
  return Tensor::from<std::int64_t>(integers_of(tensor, name), {tensor.shape().begin(), tensor.shape().end()});
}

TensorMap ragged_inputs(const TensorMap& inputs, const PaddedLayout& layout) {
  TensorMap ragged;
  for (const auto& [name, tensor] : inputs) {
    if (name == "attention_mask") continue;
    expect_rows_of_ids(tensor, name, layout);
    ragged.emplace(name, gather_tokens(whole_numbers(tensor, name), layout));
  }
  ragged.emplace("positions", vector_of(layout.positions));
  ragged.emplace("sequences", vector_of(layout.begins));
  return ragged;
}

TensorMap ragged_inputs(const Encodings& encodings) {
  std::vector<std::int64_t> positions;
  positions.reserve(encodings.ids.size());
  for (std::size_t i = 0; i + 1 < encodings.begins.size(); ++i) {
    for (std::int64_t token = encodings.begins[i]; token < encodings.begins[i + 1]; ++token)
      positions.push_back(token - encodings.begins[i]);
  }
  return {{"input_ids", vector_of(encodings.ids)},
          {"token_type_ids", vector_of(encodings.type_ids)},
          {"positions", vector_of(positions)},
          {"sequences", vector_of(encodings.begins)}};
}

}  // namespace accelerate

// Constants as the checkpoint stores them, for backends that lay out weights in their own way.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"

namespace accelerate {

/// Element i of a tensor of any float encoding, for all i of [first, first + count), as float32 in `result`.
void decode_floats(const Tensor& tensor, std::int64_t first, std::int64_t count, float* result);

/// The tensors that, one after another along axis 0, make up a constant value: one, or those of a concat of constants;
/// empty when the value is not constant.
std::vector<const Tensor*> constant_parts(const Graph& graph, ValueId value);

/// What a dequantize node takes; absent inputs are nullptr.
struct StoredCodes {
  const Tensor* codes;
  const Tensor* scales;
  const Tensor* offsets;
  const Tensor* group_of;
  DequantizeOptions options;

  std::int64_t rows() const { return codes->dim(0); }
  std::int64_t groups() const { return scales->dim(1); }
};

StoredCodes stored_codes(const Graph& graph, const Node& dequantize);

/// Rows [first, first + count) of the numbers that the codes stand for, in `result` [count, columns].
void decode_rows(const StoredCodes& stored, std::int64_t first, std::int64_t count, float* result);

/// A matrix as it is stored: its rows, or, where it is transposed, its columns are the rows of the value that it is a part of.
struct StoredMatrix {
  const Tensor* tensor;  ///< the numbers, or their codes
  bool transposed = false;
  std::optional<StoredCodes> codes = {};  ///< where the numbers are stored as codes; such a matrix is not transposed

  std::int64_t rows() const { return tensor->dim(transposed ? 1 : 0); }
  std::int64_t columns() const { return codes ? codes->options.columns : tensor->dim(transposed ? 0 : 1); }
};

/// The matrices that, one after another, make up a constant value [rows, columns]: constants, numbers of stored codes, or a
/// constant that the graph transposes; empty when the value is none of these.
std::vector<StoredMatrix> stored_matrices(const Graph& graph, ValueId value);

/// Rows [first, first + count) of what the matrix is a part of, as float32 in `result` [count, columns].
void decode_rows(const StoredMatrix& matrix, std::int64_t first, std::int64_t count, float* result);

/// The constant value's elements as float32.
std::vector<float> constant_floats(const Graph& graph, ValueId value);

}  // namespace accelerate

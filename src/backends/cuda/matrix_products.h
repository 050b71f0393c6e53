// Products of activations and weights, which the vendor's library computes.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace accelerate::cuda {

/// Numbers that a product takes and gives.
enum class Number : std::uint8_t { float32, float16, bfloat16, int8, int32 };

/// y [rows, outputs] = x [rows, inputs] · weight [outputs, inputs]ᵀ + bias + residual, then GELU; sums in float32, of int8 in
/// int32. All arrays are row-major and without gaps; of bias, residual and GELU at most those are asked that the operands
/// are floats for, and GELU without a residual. Several groups are as many products of the same rows, without any of these:
/// y [rows, groups, outputs] = x [rows, groups, inputs] · weight [groups, outputs, inputs]ᵀ.
struct Product {
  const void* x = nullptr;
  const void* weight = nullptr;
  void* y = nullptr;
  const void* bias = nullptr;      ///< [outputs], of the result's numbers; may be absent
  const void* residual = nullptr;  ///< [rows, outputs], of the result's numbers; may be absent
  bool gelu_tanh = false;
  Number operands = Number::float32;
  Number result = Number::float32;
  std::int64_t rows = 0;
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  std::int64_t groups = 1;
  std::byte* workspace = nullptr;
  std::size_t workspace_bytes = 0;
  cudaStream_t stream = nullptr;
};

class MatrixProducts {
 public:
  MatrixProducts() = default;
  MatrixProducts(const MatrixProducts&) = delete;
  MatrixProducts& operator=(const MatrixProducts&) = delete;
  virtual ~MatrixProducts() = default;

  /// Whether the library has a way to compute a product of this form, which it remembers.
  virtual bool can(const Product& product) = 0;

  /// Puts a product for which can() is true on the stream.
  virtual cudaError_t multiply(const Product& product) = 0;

  /// Lets go of the library's handle without closing it, for a device that is lost.
  virtual void abandon() = 0;
};

}  // namespace accelerate::cuda

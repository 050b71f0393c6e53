#include "ipfs_accelerate/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <new>

#include "base/arithmetic.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

// Cache-line alignment lets kernels use aligned vector loads on whole tensors.
constexpr std::align_val_t alignment{64};

std::int64_t checked_size(std::span<const std::int64_t> shape, DType dtype) {
  std::int64_t count = 1;
  for (std::int64_t size : shape) {
    if (size < 0 || !multiply_fits(count, size, count))
      throw Error(ErrorKind::invalid_argument, fmt::format("tensor shape {} has no valid number of elements", shape_text(shape)));
  }
  std::int64_t bytes = 0;
  if (!multiply_fits(count, static_cast<std::int64_t>(size_of(dtype)), bytes))
    throw Error(ErrorKind::invalid_argument, fmt::format("tensor of shape {} is larger than any memory", shape_text(shape)));
  return count;
}

}  // namespace

std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::float64:
    case DType::int64:
      return 8;
    case DType::float32:
    case DType::int32:
      return 4;
    case DType::float16:
    case DType::bfloat16:
    case DType::int16:
      return 2;
    case DType::int8:
    case DType::uint8:
    case DType::boolean:
      return 1;
  }
  throw Error(ErrorKind::internal, fmt::format("dtype {} has no size", static_cast<int>(dtype)));
}

std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "float32";
    case DType::float16:
      return "float16";
    case DType::bfloat16:
      return "bfloat16";
    case DType::float64:
      return "float64";
    case DType::int64:
      return "int64";
    case DType::int32:
      return "int32";
    case DType::int16:
      return "int16";
    case DType::int8:
      return "int8";
    case DType::uint8:
      return "uint8";
    case DType::boolean:
      return "bool";
  }
  throw Error(ErrorKind::internal, fmt::format("dtype {} has no name", static_cast<int>(dtype)));
}

std::string shape_text(std::span<const std::int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

Tensor::Tensor() : bytes_(std::make_shared<std::byte>()) {}

Tensor Tensor::zeros(DType dtype, std::vector<std::int64_t> shape) {
  Tensor result;
  result.dtype_ = dtype;
  result.size_ = checked_size(shape, dtype);
  result.shape_ = std::move(shape);
  const std::size_t bytes = result.byte_size() + 64;  // kernels may read a vector past the last element
  auto* memory = static_cast<std::byte*>(::operator new(bytes, alignment, std::nothrow));
  if (memory == nullptr)
    throw Error(ErrorKind::out_of_memory,
                fmt::format("no memory for {} of shape {}, {} bytes", name_of(dtype), shape_text(result.shape_), bytes));
  std::memset(memory, 0, bytes);
  result.bytes_ =
      std::shared_ptr<const std::byte>(memory, [](const std::byte* p) { ::operator delete(const_cast<std::byte*>(p), alignment); });
  return result;
}

Tensor Tensor::view(DType dtype, std::vector<std::int64_t> shape, std::shared_ptr<const std::byte> bytes) {
  Tensor result;
  result.dtype_ = dtype;
  result.read_only_ = true;
  result.size_ = checked_size(shape, dtype);
  result.shape_ = std::move(shape);
  result.bytes_ = std::move(bytes);
  return result;
}

Tensor Tensor::copy_of(DType dtype, std::span<const std::byte> bytes, std::vector<std::int64_t> shape) {
  Tensor result = zeros(dtype, std::move(shape));
  if (bytes.size() != result.byte_size())
    throw Error(ErrorKind::invalid_argument, fmt::format("{} bytes given for {} of shape {}, expected {}", bytes.size(), name_of(dtype),
                                                         shape_text(result.shape_), result.byte_size()));
  if (!bytes.empty()) std::memcpy(result.mutable_bytes().data(), bytes.data(), bytes.size());
  return result;
}

std::int64_t Tensor::dim(std::int64_t axis) const {
  const std::int64_t index = axis < 0 ? axis + rank() : axis;
  if (index < 0 || index >= rank())
    throw Error(ErrorKind::invalid_argument, fmt::format("axis {} of a tensor of shape {}", axis, shape_text(shape_)));
  return shape_[static_cast<std::size_t>(index)];
}

std::span<std::byte> Tensor::mutable_bytes() {
  if (read_only_) throw Error(ErrorKind::invalid_argument, "this tensor is a read-only view");
  return {const_cast<std::byte*>(bytes_.get()), byte_size()};
}

Tensor Tensor::reshaped(std::vector<std::int64_t> shape) const {
  if (checked_size(shape, dtype_) != size_)
    throw Error(ErrorKind::invalid_argument, fmt::format("a tensor of shape {} cannot become {}", shape_text(shape_), shape_text(shape)));
  Tensor result = *this;
  result.shape_ = std::move(shape);
  return result;
}

void Tensor::expect(DType dtype) const {
  if (dtype_ != dtype)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("a {} tensor of shape {} was read as {}", name_of(dtype_), shape_text(shape_), name_of(dtype)));
}

}  // namespace accelerate

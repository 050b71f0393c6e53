#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace accelerate {

/// Element types of tensors in files, inputs and outputs.
enum class DType : std::uint8_t { float32, float16, bfloat16, float64, int64, int32, int16, int8, uint8, boolean };

/// Bytes of one element.
std::size_t size_of(DType dtype);

/// The dtype's name: "float32", "bfloat16", …
std::string_view name_of(DType dtype);

/// "[2, 384]".
std::string shape_text(std::span<const std::int64_t> shape);

template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::float32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::float64;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::int64;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::int32;
};
template <>
struct DTypeOf<std::int16_t> {
  static constexpr DType value = DType::int16;
};
template <>
struct DTypeOf<std::int8_t> {
  static constexpr DType value = DType::int8;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::uint8;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::boolean;
};

/// A dense row-major array in host memory. Copies share the bytes; a tensor read from a mapped file keeps the file mapped.
class Tensor {
 public:
  /// An empty float32 tensor of shape [0].
  Tensor();

  /// A tensor of zeros that owns its bytes. Throws invalid_argument when a size is negative or the bytes overflow.
  static Tensor zeros(DType dtype, std::vector<std::int64_t> shape);

  /// A read-only tensor over `bytes`, which must hold the shape's elements; shares their ownership.
  static Tensor view(DType dtype, std::vector<std::int64_t> shape, std::shared_ptr<const std::byte> bytes);

  /// A tensor that owns a copy of `values`. Throws invalid_argument when their number is not the shape's.
  template <typename T>
  static Tensor from(std::span<const T> values, std::vector<std::int64_t> shape) {
    return copy_of(DTypeOf<T>::value, std::as_bytes(values), std::move(shape));
  }

  DType dtype() const { return dtype_; }
  std::span<const std::int64_t> shape() const { return shape_; }
  std::int64_t rank() const { return static_cast<std::int64_t>(shape_.size()); }

  /// Size of an axis; negative axes count from the last. Throws invalid_argument outside the rank.
  std::int64_t dim(std::int64_t axis) const;

  /// Number of elements.
  std::int64_t size() const { return size_; }
  std::size_t byte_size() const { return static_cast<std::size_t>(size_) * size_of(dtype_); }
  std::span<const std::byte> bytes() const { return {bytes_.get(), byte_size()}; }

  /// The elements, row-major. Throws invalid_argument when the tensor is not of type T.
  template <typename T>
  std::span<const T> values() const {
    expect(DTypeOf<T>::value);
    return {reinterpret_cast<const T*>(bytes_.get()), static_cast<std::size_t>(size_)};
  }

  /// The elements for writing. Throws invalid_argument when T does not match or the tensor is a read-only view.
  template <typename T>
  std::span<T> mutable_values() {
    expect(DTypeOf<T>::value);
    return {reinterpret_cast<T*>(mutable_bytes().data()), static_cast<std::size_t>(size_)};
  }
  std::span<std::byte> mutable_bytes();

  /// The same bytes under another shape of as many elements.
  Tensor reshaped(std::vector<std::int64_t> shape) const;

 private:
  static Tensor copy_of(DType dtype, std::span<const std::byte> bytes, std::vector<std::int64_t> shape);
  void expect(DType dtype) const;

  DType dtype_ = DType::float32;
  bool read_only_ = false;
  std::int64_t size_ = 0;
  std::vector<std::int64_t> shape_{0};
  std::shared_ptr<const std::byte> bytes_;
};

/// Tensors by name, in the order of their names.
using TensorMap = std::map<std::string, Tensor, std::less<>>;

}  // namespace accelerate

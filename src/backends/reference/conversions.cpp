// constant, cast.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "backends/reference/definitions.h"
#include "base/half.h"

namespace accelerate::reference {
namespace {

/// Every element, read as a From and turned into a To by `convert_one`.
template <typename From, typename To, typename Function>
Tensor convert(const Tensor& tensor, Function convert_one) {
  Tensor result = Tensor::zeros(DTypeOf<To>::value, {tensor.shape().begin(), tensor.shape().end()});
  const auto values = result.mutable_values<To>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    From element;
    std::memcpy(&element, tensor.bytes().data() + i * sizeof(From), sizeof(From));
    values[i] = convert_one(element);
  }
  return result;
}

template <typename From, typename To>
Tensor convert(const Tensor& tensor) {
  return convert<From, To>(tensor, [](From element) { return static_cast<To>(element); });
}

/// x without its fraction; the nearest whole number where there are no 64 bits for it, 0 for NaN.
std::int64_t cut_towards_zero(float x) {
  if (std::isnan(x)) return 0;
  if (x >= 0x1p63F) return std::numeric_limits<std::int64_t>::max();
  if (x < -0x1p63F) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(x);
}

}  // namespace

Tensors constant(const Arguments& arguments) {
  const Tensor& stored = arguments.options<ConstantOptions>().tensor;
  switch (stored.dtype()) {
    case DType::float32:
    case DType::int64:
    case DType::boolean:
      return {stored};
    case DType::float16:
      return {convert<std::uint16_t, float>(stored, from_float16)};
    case DType::bfloat16:
      return {convert<std::uint16_t, float>(stored, from_bfloat16)};
    case DType::float64:
      return {convert<double, float>(stored)};
    case DType::int32:
      return {convert<std::int32_t, std::int64_t>(stored)};
    case DType::int16:
      return {convert<std::int16_t, std::int64_t>(stored)};
    case DType::int8:
      return {convert<std::int8_t, std::int64_t>(stored)};
    case DType::uint8:
      return {convert<std::uint8_t, std::int64_t>(stored)};
  }
  arguments.fail("is stored in an unknown dtype");
}

Tensors cast(const Arguments& arguments) {
  const Tensor& x = arguments.input(0);
  const DType from = x.dtype();
  const DType to = arguments.options<CastOptions>().dtype;
  if (from == to) return {x};
  if (from == DType::float32 && to == DType::int64) return {convert<float, std::int64_t>(x, cut_towards_zero)};
  if (from == DType::float32 && to == DType::boolean) return {convert<float, bool>(x)};
  if (from == DType::int64 && to == DType::float32) return {convert<std::int64_t, float>(x)};
  if (from == DType::int64 && to == DType::boolean) return {convert<std::int64_t, bool>(x)};
  if (from == DType::boolean && to == DType::float32) return {convert<bool, float>(x)};
  if (from == DType::boolean && to == DType::int64) return {convert<bool, std::int64_t>(x)};
  arguments.fail(fmt::format("from {} to {}, expected float32, int64 or bool", name_of(from), name_of(to)));
}

}  // namespace accelerate::reference

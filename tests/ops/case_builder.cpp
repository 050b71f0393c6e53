#include "ops/case_builder.h"

#include "base/half.h"

namespace accelerate {

double CaseBuilder::normal(Numbers numbers) { return std::normal_distribution<double>(numbers.offset, numbers.spread)(random_); }

Value CaseBuilder::input(std::string_view name, Shape shape, Tensor tensor) {
  const Value value = graph_.input(name, tensor.dtype(), std::move(shape));
  inputs_[std::string(name)] = std::move(tensor);
  return value;
}

Dim CaseBuilder::size(std::string_view name, std::int64_t value) {
  sizes_[std::string(name)] = value;
  return Dim::named(name);
}

Value CaseBuilder::floats(std::string_view name, Shape shape, Numbers numbers) {
  Tensor tensor = Tensor::zeros(DType::float32, evaluate(shape, sizes_));
  for (float& element : tensor.mutable_values<float>()) element = static_cast<float>(normal(numbers));
  return input(name, std::move(shape), std::move(tensor));
}

Value CaseBuilder::given(std::string_view name, Shape shape, std::span<const float> values) {
  Tensor tensor = Tensor::from<float>(values, evaluate(shape, sizes_));
  return input(name, std::move(shape), std::move(tensor));
}

Value CaseBuilder::whole_numbers(std::string_view name, Shape shape, std::int64_t lowest, std::int64_t highest) {
  Tensor tensor = Tensor::zeros(DType::int64, evaluate(shape, sizes_));
  for (std::int64_t& element : tensor.mutable_values<std::int64_t>())
    element = std::uniform_int_distribution<std::int64_t>(lowest, highest)(random_);
  return input(name, std::move(shape), std::move(tensor));
}

Value CaseBuilder::booleans(std::string_view name, Shape shape) {
  Tensor tensor = Tensor::zeros(DType::boolean, evaluate(shape, sizes_));
  for (bool& element : tensor.mutable_values<bool>()) element = random_() % 2 == 0;
  return input(name, std::move(shape), std::move(tensor));
}

Value CaseBuilder::sequences(std::string_view name, const std::vector<std::int64_t>& lengths) {
  std::vector<std::int64_t> bounds{0};
  for (std::int64_t length : lengths) bounds.push_back(bounds.back() + length);
  const Dim count = size("sequences", static_cast<std::int64_t>(lengths.size()));
  return input(name, {count + 1}, Tensor::from<std::int64_t>(bounds, {static_cast<std::int64_t>(bounds.size())}));
}

Value CaseBuilder::weight(std::string_view name, std::vector<std::int64_t> shape, DType stored, Numbers numbers) {
  Tensor tensor = Tensor::zeros(stored, std::move(shape));
  const auto count = static_cast<std::size_t>(tensor.size());
  std::byte* bytes = tensor.mutable_bytes().data();
  const auto fill = [&]<typename T>(auto make_one) {
    for (std::size_t i = 0; i < count; ++i) reinterpret_cast<T*>(bytes)[i] = static_cast<T>(make_one());
  };
  switch (stored) {
    case DType::float32:
      fill.operator()<float>([&] { return normal(numbers); });
      break;
    case DType::float64:
      fill.operator()<double>([&] { return normal(numbers); });
      break;
    case DType::bfloat16:
      fill.operator()<std::uint16_t>([&] { return to_bfloat16(static_cast<float>(normal(numbers))); });
      break;
    case DType::float16:  // any sign and fraction, magnitudes of 2^-7 to 2, every tenth one subnormal
      fill.operator()<std::uint16_t>([&] { return (random_() & 0x83ffU) | (random_() % 10 == 0 ? 0 : (8 + random_() % 8) << 10); });
      break;
    case DType::boolean:
      fill.operator()<bool>([&] { return random_() % 2 == 0; });
      break;
    case DType::uint8:
      fill.operator()<std::uint8_t>([&] { return random_() % 256; });
      break;
    case DType::int8:
      fill.operator()<std::int8_t>([&] { return static_cast<std::int64_t>(random_() % 256) - 128; });
      break;
    case DType::int16:
      fill.operator()<std::int16_t>([&] { return static_cast<std::int64_t>(random_() % 65536) - 32768; });
      break;
    case DType::int32:
      fill.operator()<std::int32_t>([&] { return static_cast<std::int64_t>(random_() % 100000) - 50000; });
      break;
    case DType::int64:
      fill.operator()<std::int64_t>([&] { return static_cast<std::int64_t>(random_() % 100000) - 50000; });
      break;
  }
  return graph_.constant(std::move(tensor), name);
}

}  // namespace accelerate

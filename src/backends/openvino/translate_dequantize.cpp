// dequantize, as the runtime's own pattern of compressed weights where the codes fit it: whole steps times scales, which it
// multiplies with as they are stored.
#include <cmath>
#include <optional>

#include "backends/openvino/translation.h"
#include "backends/stored_constants.h"

namespace accelerate::openvino {
namespace {

/// The numbers as plain ones.
Output decoded(Translation& translation, const StoredCodes& stored) {
  Tensor numbers = Tensor::zeros(DType::float32, {stored.rows(), stored.options.columns});
  float* const to = numbers.mutable_values<float>().data();
  const ThreadPool::Place place(translation.threads());
  translation.threads().parallel_for(stored.rows(),
                                     [&](std::int64_t row, int) { decode_rows(stored, row, 1, to + row * stored.options.columns); });
  return accelerate::openvino::stored(numbers);
}

std::vector<float> floats_of(const Tensor& tensor) {
  std::vector<float> floats(static_cast<std::size_t>(tensor.size()));
  decode_floats(tensor, 0, tensor.size(), floats.data());
  return floats;
}

/// The code that stands for 0 in each group, where all are whole and the codes' type has them.
std::optional<Tensor> zeros_of(const StoredCodes& stored) {
  const std::int64_t count = stored.scales->size();
  Tensor zeros = Tensor::zeros(DType::uint8, {stored.rows(), stored.groups(), 1});
  const auto whole = zeros.mutable_values<std::uint8_t>();
  const float largest = stored.options.bits == 4 ? 15 : 255;
  const std::vector<float> scales = floats_of(*stored.scales);
  const std::vector<float> offsets = stored.offsets == nullptr ? std::vector<float>(scales.size(), 0.0F) : floats_of(*stored.offsets);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto place = static_cast<std::size_t>(i);
    const float shift = offsets[place] == 0 ? 0 : offsets[place] / scales[place];
    const float zero = static_cast<float>(stored.options.zero) - shift;
    const float nearest = std::nearbyint(zero);
    if (!(std::abs(zero - nearest) < 1e-3F) || nearest < 0 || nearest > largest) return std::nullopt;
    whole[place] = static_cast<std::uint8_t>(nearest);
  }
  return zeros;
}

/// Codes [rows, columns] of four bits where they lie.
Output four_bit_codes(const StoredCodes& stored, const ov::Shape& shape) {
  const auto owner = std::make_shared<Tensor>(*stored.codes);
  return std::make_shared<ops::Constant>(ov::element::u4, shape, owner->bytes().data(), owner);
}

Output widened(const Output& codes) { return std::make_shared<ops::Convert>(codes, ov::element::f32); }

}  // namespace

Output numbers_of(Translation& translation, const StoredCodes& codes) {
  const std::int64_t columns = codes.options.columns;
  const std::int64_t group_size = codes.options.group_size;
  const bool is_signed = codes.codes->dtype() == DType::int8;
  const bool whole_groups = columns > 0 && columns % group_size == 0 && codes.rows() > 0;
  if (codes.group_of != nullptr || !whole_groups) return decoded(translation, codes);
  if (is_signed && (codes.offsets != nullptr || codes.options.zero != 0)) return decoded(translation, codes);

  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  const ov::Shape shape{size(codes.rows()), size(codes.groups()), size(group_size)};
  const Tensor scales = codes.scales->reshaped({codes.rows(), codes.groups(), 1});
  Output scale = stored(scales);
  if (scales.dtype() != DType::float32) scale = widened(scale);
  Output steps;
  if (is_signed) {
    steps = widened(stored(codes.codes->reshaped({codes.rows(), codes.groups(), group_size})));
  } else {
    const std::optional<Tensor> zeros = zeros_of(codes);
    if (!zeros) return decoded(translation, codes);
    steps = codes.options.bits == 4 ? four_bit_codes(codes, shape)
                                    : Output(stored(codes.codes->reshaped({codes.rows(), codes.groups(), group_size})));
    const ov::element::Type type = codes.options.bits == 4 ? ov::element::u4 : ov::element::u8;
    const auto values = zeros->values<std::uint8_t>();
    const Output zero = ops::Constant::create(type, {shape[0], shape[1], 1}, std::vector<std::uint8_t>(values.begin(), values.end()));
    steps = std::make_shared<ops::Subtract>(widened(steps), widened(zero));
  }
  const Output numbers = std::make_shared<ops::Multiply>(steps, scale);
  return std::make_shared<ops::Reshape>(numbers, whole_numbers({codes.rows(), columns}), false);
}

Output translate_dequantize(Translation& translation, const Node& node) {
  return numbers_of(translation, stored_codes(translation.from(), node));
}

}  // namespace accelerate::openvino

#include "formats/packed_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

#include "base/half.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

[[noreturn]] void refuse(std::string_view layer, std::string_view part, const std::string& message) {
  throw Error(ErrorKind::invalid_file, fmt::format("weight '{}.{}' {}", layer, part, message));
}

void expect(std::string_view layer, std::string_view part, const Tensor& tensor, DType dtype, std::vector<std::int64_t> shape) {
  if (tensor.dtype() != dtype || !std::ranges::equal(tensor.shape(), shape))
    refuse(layer, part,
           fmt::format("is {} {}, expected {} {}", name_of(tensor.dtype()), shape_text(tensor.shape()), name_of(dtype), shape_text(shape)));
}

/// Element `index` of the numbers that are packed in 32-bit words, the first in the lowest bits.
unsigned number_in(std::uint32_t word, std::int64_t index, std::int64_t bits) {
  return (word >> static_cast<unsigned>(index * bits)) & ((1U << static_cast<unsigned>(bits)) - 1U);
}

/// Where AWQ's kernels look for output i of each eight.
constexpr std::array<std::int64_t, 8> awq_places{0, 4, 1, 5, 2, 6, 3, 7};

/// A packed layer whose shapes were checked, number by number.
class Reader {
 public:
  Reader(const PackingScheme& scheme, const PackedWeight& packed)
      : scheme_(scheme),
        each_(32 / scheme.bits),
        codes_(packed.codes->values<std::int32_t>()),
        zeros_(packed.zeros->values<std::int32_t>()) {
    outputs_ = packed.scales->dim(1);
  }

  unsigned code(std::int64_t input, std::int64_t output) const {
    if (scheme_.method == PackingScheme::Method::gptq)
      return number_in(word(codes_, input / each_ * outputs_ + output), input % each_, scheme_.bits);
    return packed_by_output(codes_, input, output);
  }

  unsigned zero(std::int64_t group, std::int64_t output) const {
    const unsigned stored = packed_by_output(zeros_, group, output);
    return scheme_.zeros_less_one ? (stored + 1U) & ((1U << static_cast<unsigned>(scheme_.bits)) - 1U) : stored;
  }

 private:
  static std::uint32_t word(std::span<const std::int32_t> words, std::int64_t index) {
    return static_cast<std::uint32_t>(words[static_cast<std::size_t>(index)]);
  }

  unsigned packed_by_output(std::span<const std::int32_t> words, std::int64_t row, std::int64_t output) const {
    const std::int64_t place =
        scheme_.method == PackingScheme::Method::awq ? awq_places[static_cast<std::size_t>(output % each_)] : output % each_;
    return number_in(word(words, row * (outputs_ / each_) + output / each_), place, scheme_.bits);
  }

  const PackingScheme& scheme_;
  std::int64_t each_;  ///< numbers in a word
  std::span<const std::int32_t> codes_;
  std::span<const std::int32_t> zeros_;
  std::int64_t outputs_ = 0;
};

void check(const PackingScheme& scheme, std::string_view name, const PackedWeight& packed, std::int64_t inputs, std::int64_t group_size) {
  const std::int64_t each = 32 / scheme.bits;
  if (packed.scales->rank() != 2) refuse(name, "scales", fmt::format("is {}, expected [groups, out]", shape_text(packed.scales->shape())));
  const std::int64_t outputs = packed.scales->dim(1);
  const std::int64_t groups = (inputs + group_size - 1) / group_size;
  if (outputs % each != 0) refuse(name, "scales", fmt::format("is of {} outputs, expected a multiple of {}", outputs, each));
  const bool is_float = packed.scales->dtype() == DType::float16 || packed.scales->dtype() == DType::bfloat16;
  expect(name, "scales", *packed.scales, is_float ? packed.scales->dtype() : DType::float32, {groups, outputs});
  expect(name, "qzeros", *packed.zeros, DType::int32, {groups, outputs / each});
  if (scheme.method == PackingScheme::Method::gptq)
    expect(name, "qweight", *packed.codes, DType::int32, {inputs / each, outputs});
  else
    expect(name, "qweight", *packed.codes, DType::int32, {inputs, outputs / each});
  if (packed.group_of == nullptr) return;
  expect(name, "g_idx", *packed.group_of, DType::int32, {inputs});
  for (const std::int32_t group : packed.group_of->values<std::int32_t>())
    if (group < 0 || group >= groups) refuse(name, "g_idx", fmt::format("names group {} of {}", group, groups));
}

/// Element `index` of float16, bfloat16 or float32 numbers.
float float_at(const Tensor& tensor, std::int64_t index) {
  const std::byte* from = tensor.bytes().data() + static_cast<std::size_t>(index) * size_of(tensor.dtype());
  if (tensor.dtype() == DType::float32) {
    float number;
    std::memcpy(&number, from, sizeof(number));
    return number;
  }
  std::uint16_t bits;
  std::memcpy(&bits, from, sizeof(bits));
  return tensor.dtype() == DType::float16 ? from_float16(bits) : from_bfloat16(bits);
}

bool is_in_order(const Tensor& group_of, std::int64_t group_size) {
  const auto groups = group_of.values<std::int32_t>();
  for (std::size_t i = 0; i < groups.size(); ++i)
    if (groups[i] != static_cast<std::int64_t>(i) / group_size) return false;
  return true;
}

}  // namespace

std::optional<PackingScheme> packing_scheme(const Config& config) {
  if (!config.has("quantization_config")) return std::nullopt;
  const Config given = config.object("quantization_config");
  const std::string method = given.text("quant_method");
  if (method != "gptq" && method != "awq") given.refuse("quant_method", "gptq or awq", ErrorKind::unsupported);
  PackingScheme scheme{.method = method == "gptq" ? PackingScheme::Method::gptq : PackingScheme::Method::awq};
  scheme.bits = given.integer_or("bits", 4);
  if (scheme.bits != 4 && !(method == "gptq" && scheme.bits == 8))
    given.refuse("bits", method == "gptq" ? "4 or 8" : "4", ErrorKind::unsupported);
  const std::int64_t group_size = given.integer_or("group_size", 128, {.minimum = -1});
  if (group_size == 0) given.refuse("group_size", "-1 or a number of inputs");
  scheme.group_size = group_size < 0 ? 0 : group_size;
  if (method == "gptq") {
    const std::string layout = given.text_or("checkpoint_format", "gptq");
    if (layout != "gptq" && layout != "gptq_v2") given.refuse("checkpoint_format", "gptq or gptq_v2", ErrorKind::unsupported);
    scheme.zeros_less_one = layout == "gptq";
  } else {
    std::string layout = given.text_or("version", "gemm");
    std::ranges::transform(layout, layout.begin(), [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    if (layout != "gemm") given.refuse("version", "gemm", ErrorKind::unsupported);
    if (!given.boolean_or("zero_point", true)) given.refuse("zero_point", "true", ErrorKind::unsupported);
  }
  return scheme;
}

QuantisedWeight unpacked_weight(const PackingScheme& scheme, std::string_view name, const PackedWeight& packed) {
  if (packed.codes->rank() != 2) refuse(name, "qweight", fmt::format("is {}, expected two axes", shape_text(packed.codes->shape())));
  const std::int64_t inputs = packed.codes->dim(0) * (scheme.method == PackingScheme::Method::gptq ? 32 / scheme.bits : 1);
  if (inputs == 0) refuse(name, "qweight", "is empty");
  const std::int64_t group_size = scheme.group_size == 0 ? inputs : std::min(scheme.group_size, inputs);
  check(scheme, name, packed, inputs, group_size);

  const Reader reader(scheme, packed);
  const std::int64_t groups = packed.scales->dim(0);
  const std::int64_t outputs = packed.scales->dim(1);
  QuantisedWeight weight{.codes = Tensor::zeros(DType::uint8, {outputs, scheme.bits == 4 ? (inputs + 1) / 2 : inputs}),
                         .scales = Tensor::zeros(DType::float32, {outputs, groups}),
                         .options = {.bits = static_cast<int>(scheme.bits), .columns = inputs, .group_size = group_size}};
  const auto codes = weight.codes.mutable_values<std::uint8_t>();
  const std::int64_t row_bytes = weight.codes.dim(1);
  constexpr std::int64_t block = 64;  // outputs whose words lie side by side
  for (std::int64_t first = 0; first < outputs; first += block)
    for (std::int64_t input = 0; input < inputs; ++input)
      for (std::int64_t output = first; output < std::min(outputs, first + block); ++output) {
        const unsigned code = reader.code(input, output);
        const std::int64_t place = output * row_bytes + (scheme.bits == 4 ? input / 2 : input);
        codes[static_cast<std::size_t>(place)] |= static_cast<std::uint8_t>(scheme.bits == 4 && input % 2 == 1 ? code << 4U : code);
      }

  const auto scales = weight.scales.mutable_values<float>();
  Tensor offsets = Tensor::zeros(DType::float32, {outputs, groups});
  const auto all_offsets = offsets.mutable_values<float>();
  const unsigned first_zero = outputs > 0 ? reader.zero(0, 0) : 0;
  bool one_zero = true;
  for (std::int64_t group = 0; group < groups; ++group)
    for (std::int64_t output = 0; output < outputs; ++output) {
      const auto place = static_cast<std::size_t>(output * groups + group);
      const unsigned zero = reader.zero(group, output);
      scales[place] = float_at(*packed.scales, group * outputs + output);
      all_offsets[place] = -scales[place] * static_cast<float>(zero);
      one_zero = one_zero && zero == first_zero;
    }
  if (one_zero)
    weight.options.zero = first_zero;
  else
    weight.offsets = std::move(offsets);
  if (packed.group_of != nullptr && !is_in_order(*packed.group_of, group_size)) weight.group_of = *packed.group_of;
  return weight;
}

}  // namespace accelerate

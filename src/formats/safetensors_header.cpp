#include "formats/safetensors_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/arithmetic.h"
#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

struct ElementType {
  std::string_view name;
  int bits;
  std::optional<DType> dtype = std::nullopt;
};

constexpr std::array element_types{
    ElementType{"BOOL", 8, DType::boolean},
    ElementType{"U8", 8, DType::uint8},
    ElementType{"I8", 8, DType::int8},
    ElementType{"I16", 16, DType::int16},
    ElementType{"I32", 32, DType::int32},
    ElementType{"I64", 64, DType::int64},
    ElementType{"F16", 16, DType::float16},
    ElementType{"BF16", 16, DType::bfloat16},
    ElementType{"F32", 32, DType::float32},
    ElementType{"F64", 64, DType::float64},
    ElementType{"U16", 16},
    ElementType{"U32", 32},
    ElementType{"U64", 64},
    ElementType{"C64", 64},
    ElementType{"F8_E5M2", 8},
    ElementType{"F8_E4M3", 8},
    ElementType{"F8_E5M2FNUZ", 8},
    ElementType{"F8_E4M3FNUZ", 8},
    ElementType{"F8_E8M0", 8},
    ElementType{"F6_E2M3", 6},
    ElementType{"F6_E3M2", 6},
    ElementType{"F4", 4},
};

constexpr std::size_t length_bytes = 8;                  // the header's length, little-endian, comes first
constexpr std::uint64_t max_header_bytes = 100'000'000;  // the limit of the format's own implementation

/// Turns one value of the header into an entry, with errors that name the file and the tensor.
class EntryReader {
 public:
  EntryReader(std::string_view source, std::string_view tensor, const Json& value) : source_(source), tensor_(tensor), value_(value) {
    if (!value.is_object()) refuse(fmt::format("is {}, expected an object with dtype, shape and data_offsets", excerpt(value)));
  }

  TensorEntry read(std::size_t data_begin, std::size_t file_size) const {
    const ElementType& type = read_type();
    TensorEntry entry{.type = type.name, .dtype = type.dtype, .shape = read_shape()};
    const std::size_t data_size = file_size - data_begin;
    const Json& offsets = field("data_offsets");
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
      refuse(fmt::format("data_offsets is {}, expected two whole numbers ≥ 0", excerpt(offsets)));
    const auto begin = offsets[0].get<std::uint64_t>();
    const auto end = offsets[1].get<std::uint64_t>();
    if (begin > end) refuse(fmt::format("data_offsets [{}, {}] end before they begin", begin, end));
    if (end > data_size)
      refuse(fmt::format("data_offsets [{}, {}] lie outside the {} bytes of data that the file has", begin, end, data_size));
    const std::uint64_t needed = bytes_of(type, entry.shape);
    if (end - begin != needed)
      refuse(fmt::format("data_offsets [{}, {}] hold {} bytes, but {} {} needs {}", begin, end, end - begin, type.name,
                         excerpt(field("shape")), needed));
    entry.offset = data_begin + begin;
    entry.byte_size = end - begin;
    return entry;
  }

  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ErrorKind::invalid_file, fmt::format("{}: tensor {}: {}", source_, in_quotes(tensor_), reason));
  }

 private:
  const Json& field(const char* name) const {
    const auto found = value_.find(name);
    if (found == value_.end()) refuse(fmt::format("{} is missing", name));
    return *found;
  }

  const ElementType& read_type() const {
    const Json& name = field("dtype");
    if (name.is_string()) {
      const auto found = std::ranges::find(element_types, name.get_ref<const std::string&>(), &ElementType::name);
      if (found != element_types.end()) return *found;
    }
    std::vector<std::string_view> known;
    std::ranges::transform(element_types, std::back_inserter(known), &ElementType::name);
    refuse(fmt::format("dtype is {}, expected one of {}", excerpt(name), fmt::join(known, ", ")));
  }

  std::vector<std::int64_t> read_shape() const {
    const Json& sizes = field("shape");
    std::vector<std::int64_t> shape;
    const auto is_size = [](const Json& size) {
      return size.is_number_unsigned() && size.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    };
    if (!sizes.is_array() || !std::ranges::all_of(sizes, is_size))
      refuse(fmt::format("shape is {}, expected a list of whole numbers ≥ 0 and < 2^63", excerpt(sizes)));
    for (const Json& size : sizes) shape.push_back(size.get<std::int64_t>());
    return shape;
  }

  std::uint64_t bytes_of(const ElementType& type, std::span<const std::int64_t> shape) const {
    std::int64_t bits = type.bits;
    for (const std::int64_t size : shape)
      if (!multiply_fits(bits, size, bits)) refuse(fmt::format("shape {} has more elements than any file", excerpt(field("shape"))));
    if (bits % 8 != 0) refuse(fmt::format("{} {} is not a whole number of bytes", type.name, excerpt(field("shape"))));
    return static_cast<std::uint64_t>(bits) / 8;
  }

  std::string_view source_;
  std::string_view tensor_;
  const Json& value_;
};

std::uint64_t read_header_length(std::span<const std::byte> file, std::string_view source) {
  if (file.size() < length_bytes)
    throw Error(ErrorKind::invalid_file, fmt::format("{}: has {} bytes, expected a safetensors file of at least 8", source, file.size()));
  std::uint64_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(file[i]);
  if (length > max_header_bytes)
    throw Error(ErrorKind::invalid_file, fmt::format("{}: the header's length is {} bytes, expected at most {}: not a safetensors file?",
                                                     source, length, max_header_bytes));
  if (length > file.size() - length_bytes)
    throw Error(ErrorKind::invalid_file, fmt::format("{}: the header's length is {} bytes, but only {} follow: the file is cut short",
                                                     source, length, file.size() - length_bytes));
  return length;
}

SafetensorsMetadata read_metadata(const Json& value, std::string_view source) {
  SafetensorsMetadata metadata;
  const auto expect = [&](bool right) {
    if (!right)
      throw Error(ErrorKind::invalid_file, fmt::format("{}: __metadata__ is {}, expected an object of texts", source, excerpt(value)));
  };
  expect(value.is_object());
  for (const auto& [key, text] : value.items()) {
    expect(text.is_string());
    metadata.emplace(key, text.get<std::string>());
  }
  return metadata;
}

/// Refuses tensors that leave bytes of the data out, or share them.
void check_coverage(const SafetensorsHeader& header, std::size_t data_begin, std::size_t file_size, std::string_view source) {
  using Named = TensorEntries::value_type;
  std::vector<const Named*> in_order;
  for (const Named& tensor : header.tensors) in_order.push_back(&tensor);
  std::ranges::sort(in_order, {}, [](const Named* tensor) { return std::pair(tensor->second.offset, tensor->second.byte_size); });
  std::size_t end = data_begin;
  for (const Named* tensor : in_order) {
    if (tensor->second.offset != end)
      throw Error(ErrorKind::invalid_file,
                  fmt::format("{}: tensor {}: begins at byte {} of the data, expected {}, where the one before it ends", source,
                              in_quotes(tensor->first), tensor->second.offset - data_begin, end - data_begin));
    end += tensor->second.byte_size;
  }
  if (end != file_size)
    throw Error(ErrorKind::invalid_file, fmt::format("{}: the tensors end at byte {} of the data, but the file has {}", source,
                                                     end - data_begin, file_size - data_begin));
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file, std::string_view source) {
  const std::size_t length = read_header_length(file, source);
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + length_bytes, length);
  const Json json = parse_json(text, fmt::format("{}: header", source));
  if (!json.is_object()) throw Error(ErrorKind::invalid_file, fmt::format("{}: header is {}, expected an object", source, excerpt(json)));

  SafetensorsHeader header;
  const std::size_t data_begin = length_bytes + length;
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__")
      header.metadata = read_metadata(value, source);
    else
      header.tensors.emplace(name, EntryReader(source, name, value).read(data_begin, file.size()));
  }
  check_coverage(header, data_begin, file.size(), source);
  return header;
}

std::string_view safetensors_type_of(DType dtype) {
  const auto found = std::ranges::find(element_types, std::optional(dtype), &ElementType::dtype);
  if (found == element_types.end()) throw Error(ErrorKind::internal, fmt::format("safetensors has no name for {}", name_of(dtype)));
  return found->name;
}

}  // namespace accelerate

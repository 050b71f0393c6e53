#include "formats/gguf/header.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/arithmetic.h"
#include "base/byte_reader.h"
#include "base/json.h"
#include "base/utf8.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::gguf {
namespace {

constexpr std::uint32_t magic = 0x46554747;  // "GGUF"
constexpr std::uint64_t longest_name = 65535;
constexpr std::uint32_t most_axes = 4;
constexpr int deepest_array = 4;
constexpr std::string_view alignment_key = "general.alignment";
constexpr std::int64_t default_alignment = 32;

// The least bytes of a key with its value, and of a tensor's description: more than the file has room for are not counted to.
constexpr std::uint64_t least_pair = 8 + 4 + 1;
constexpr std::uint64_t least_tensor = 8 + 4 + 4 + 8;

/// Bytes of a value of the type; 0 for texts and arrays.
std::uint64_t size_of_value(ValueType type) {
  switch (type) {
    case ValueType::uint8:
    case ValueType::int8:
    case ValueType::boolean:
      return 1;
    case ValueType::uint16:
    case ValueType::int16:
      return 2;
    case ValueType::uint32:
    case ValueType::int32:
    case ValueType::float32:
      return 4;
    case ValueType::uint64:
    case ValueType::int64:
    case ValueType::float64:
      return 8;
    default:
      return 0;
  }
}

class HeaderReader {
 public:
  HeaderReader(std::span<const std::byte> file, const std::string& source) : file_(file), source_(source), reader_(file, source) {}

  Header read() {
    check_version();
    const auto tensors = reader_.number<std::uint64_t>("the number of tensors");
    const auto pairs = reader_.number<std::uint64_t>("the number of metadata values");
    if (pairs > reader_.left() / least_pair) refuse(fmt::format("has {} metadata values, for which the file is too short", pairs));
    std::map<std::string, MetadataValue, std::less<>> values;
    for (std::uint64_t i = 0; i < pairs; ++i) {
      const std::string key = read_name("a metadata key");
      if (!values.emplace(key, read_value(key)).second) refuse(fmt::format("{} is there twice", in_quotes(key)));
    }
    Header header{.metadata = Metadata(source_, std::move(values)), .tensors = {}};
    if (tensors > reader_.left() / least_tensor) refuse(fmt::format("has {} tensors, for which the file is too short", tensors));
    read_tensors(header, tensors);
    return header;
  }

 private:
  [[noreturn]] void refuse(const std::string& reason, ErrorKind kind = ErrorKind::invalid_file) const {
    throw Error(kind, fmt::format("{}: {}", source_, reason));
  }

  void check_version() {
    if (file_.size() < 4 || reader_.number<std::uint32_t>("the letters GGUF") != magic) refuse("does not begin with the letters GGUF");
    const auto version = reader_.number<std::uint32_t>("the version");
    if (version != 0 && version % 65536 == 0) refuse("is in big-endian order, which is not supported", ErrorKind::unsupported);
    if (version < 2 || version > 3) refuse(fmt::format("is of version {}, expected 2 or 3", version), ErrorKind::unsupported);
  }

  std::string read_name(std::string_view what) {
    const auto length = reader_.number<std::uint64_t>(what);
    if (length > longest_name) refuse(fmt::format("{} of {} bytes, expected at most {}", what, length, longest_name));
    const std::string_view name = reader_.take_text(length, what);
    if (!is_utf8(name)) refuse(fmt::format("{} {} is not UTF-8", what, in_quotes(name)));
    return std::string(name);
  }

  ValueType read_type(std::string_view key) {
    const auto type = reader_.number<std::uint32_t>("the type of a metadata value");
    if (type > static_cast<std::uint32_t>(ValueType::float64))
      refuse(fmt::format("{} is of type {}, expected one from 0 to 12", in_quotes(key), type));
    return static_cast<ValueType>(type);
  }

  MetadataValue read_value(std::string_view key) {
    const ValueType type = read_type(key);
    if (type == ValueType::array) {
      const ValueType element = read_type(key);
      const auto count = reader_.number<std::uint64_t>("the length of a list");
      const std::size_t begin = reader_.position();
      skip_elements(key, element, count, 1);
      return {type, element, count, file_.subspan(begin, reader_.position() - begin)};
    }
    const std::uint64_t size = type == ValueType::text ? reader_.number<std::uint64_t>("the length of a text") : size_of_value(type);
    const std::span<const std::byte> bytes = reader_.take(size, "a metadata value");
    if (type == ValueType::boolean && bytes[0] > std::byte{1})
      refuse(fmt::format("{} is {}, expected 0 or 1 for a boolean", in_quotes(key), std::to_integer<int>(bytes[0])));
    return {type, type, 1, bytes};
  }

  void skip_elements(std::string_view key, ValueType element, std::uint64_t count, int depth) {
    if (const std::uint64_t size = size_of_value(element); size != 0) {
      if (count > reader_.left() / size) refuse(fmt::format("{} has {} elements, for which the file is too short", in_quotes(key), count));
      reader_.take(count * size, "a list");
      return;
    }
    if (depth > deepest_array) refuse(fmt::format("{} is a list nested deeper than {} levels", in_quotes(key), deepest_array));
    for (std::uint64_t i = 0; i < count; ++i) {
      if (element == ValueType::text) {
        reader_.take(reader_.number<std::uint64_t>("the length of a text"), "a text");
        continue;
      }
      const ValueType inner = read_type(key);
      skip_elements(key, inner, reader_.number<std::uint64_t>("the length of a list"), depth + 1);
    }
  }

  void read_tensors(Header& header, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string name = read_name("a tensor's name");
      if (!header.tensors.emplace(name, read_tensor(name)).second) refuse(fmt::format("tensor {} is there twice", in_quotes(name)));
    }
    const auto alignment = static_cast<std::uint64_t>(
        header.metadata.find_integer(alignment_key, {.minimum = 8, .maximum = 1 << 20}).value_or(default_alignment));
    if (!std::has_single_bit(alignment)) header.metadata.refuse(alignment_key, "a power of two");
    const std::uint64_t begin = (reader_.position() + alignment - 1) / alignment * alignment;
    for (auto& [name, tensor] : header.tensors) place(name, tensor, begin, alignment);
    check_overlaps(header);
  }

  [[noreturn]] void refuse_tensor(std::string_view name, const std::string& reason) const {
    refuse(fmt::format("tensor {}: {}", in_quotes(name), reason));
  }

  TensorInfo read_tensor(std::string_view name) {
    const auto axes = reader_.number<std::uint32_t>("the number of a tensor's axes");
    if (axes > most_axes) refuse_tensor(name, fmt::format("has {} axes, expected at most {}", axes, most_axes));
    TensorInfo tensor{};
    std::int64_t elements = 1;
    for (std::uint32_t axis = 0; axis < axes; ++axis) {
      const auto size = reader_.number<std::uint64_t>("a tensor's size");
      if (size < 1 || size > std::uint64_t{std::numeric_limits<std::int64_t>::max()} ||
          !multiply_fits(elements, static_cast<std::int64_t>(size), elements))
        refuse_tensor(name, fmt::format("size {} of axis {}, expected at least 1 and no more elements than any file has", size, axis));
      tensor.shape.push_back(static_cast<std::int64_t>(size));
    }
    const auto type = reader_.number<std::uint32_t>("a tensor's type");
    tensor.type = block_type(type);
    if (tensor.type == nullptr) refuse_tensor(name, fmt::format("type {} is none of GGUF's", type));
    const std::int64_t row = tensor.shape.empty() ? 1 : tensor.shape.front();
    if (row % tensor.type->elements != 0)
      refuse_tensor(name,
                    fmt::format("rows of {} numbers, expected a multiple of {} for {}", row, tensor.type->elements, tensor.type->name));
    std::int64_t bytes = 0;
    if (!multiply_fits(elements / tensor.type->elements, tensor.type->bytes, bytes)) refuse_tensor(name, "has more bytes than any file");
    tensor.byte_size = static_cast<std::size_t>(bytes);
    tensor.offset = reader_.number<std::uint64_t>("a tensor's offset");
    std::ranges::reverse(tensor.shape);
    return tensor;
  }

  /// Makes the offset, which counts from where the data begin, one from the file's beginning.
  void place(std::string_view name, TensorInfo& tensor, std::uint64_t begin, std::uint64_t alignment) const {
    if (tensor.offset % alignment != 0)
      refuse_tensor(name, fmt::format("begins at byte {} of the data, expected a multiple of {}", tensor.offset, alignment));
    const std::uint64_t data = begin < file_.size() ? file_.size() - begin : 0;
    if (tensor.offset > data || tensor.byte_size > data - tensor.offset)
      refuse_tensor(name, fmt::format("{} bytes from byte {} of the data lie outside of the {} that the file has: is it cut short?",
                                      tensor.byte_size, tensor.offset, data));
    tensor.offset += begin;
  }

  void check_overlaps(const Header& header) const {
    using Named = decltype(header.tensors)::value_type;
    std::vector<const Named*> in_order;
    for (const Named& tensor : header.tensors) in_order.push_back(&tensor);
    std::ranges::sort(in_order, {}, [](const Named* tensor) { return tensor->second.offset; });
    for (std::size_t i = 1; i < in_order.size(); ++i) {
      const TensorInfo& before = in_order[i - 1]->second;
      if (before.offset + before.byte_size > in_order[i]->second.offset)
        refuse_tensor(in_order[i]->first, fmt::format("begins before {} ends", in_quotes(in_order[i - 1]->first)));
    }
  }

  std::span<const std::byte> file_;
  const std::string& source_;
  ByteReader reader_;
};

}  // namespace

Header parse_header(std::span<const std::byte> file, const std::string& source) { return HeaderReader(file, source).read(); }

}  // namespace accelerate::gguf

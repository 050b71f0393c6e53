#include "formats/gguf/metadata.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "base/byte_reader.h"
#include "base/json.h"
#include "base/utf8.h"

namespace accelerate::gguf {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// The next number of the type, or nothing where it is no whole number that 64 bits with a sign hold.
std::optional<std::int64_t> next_integer(ByteReader& reader, ValueType type) {
  constexpr std::string_view what = "a number";
  switch (type) {
    case ValueType::uint8:
      return reader.number<std::uint8_t>(what);
    case ValueType::int8:
      return static_cast<std::int8_t>(reader.number<std::uint8_t>(what));
    case ValueType::uint16:
      return reader.number<std::uint16_t>(what);
    case ValueType::int16:
      return static_cast<std::int16_t>(reader.number<std::uint16_t>(what));
    case ValueType::uint32:
      return reader.number<std::uint32_t>(what);
    case ValueType::int32:
      return static_cast<std::int32_t>(reader.number<std::uint32_t>(what));
    case ValueType::int64:
      return static_cast<std::int64_t>(reader.number<std::uint64_t>(what));
    case ValueType::uint64: {
      const auto number = reader.number<std::uint64_t>(what);
      if (number > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return std::nullopt;
      return static_cast<std::int64_t>(number);
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> next_number(ByteReader& reader, ValueType type) {
  if (type == ValueType::float32) return static_cast<double>(std::bit_cast<float>(reader.number<std::uint32_t>("a number")));
  if (type == ValueType::float64) return std::bit_cast<double>(reader.number<std::uint64_t>("a number"));
  const std::optional<std::int64_t> whole = next_integer(reader, type);
  return whole ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

std::string description(IntegerRange range) {
  return range.maximum == IntegerRange{}.maximum ? fmt::format("a whole number of at least {}", range.minimum)
                                                 : fmt::format("a whole number from {} to {}", range.minimum, range.maximum);
}

std::string description(NumberRange range) {
  return range.minimum == NumberRange{}.minimum && range.maximum == NumberRange{}.maximum
             ? "a number"
             : fmt::format("a number from {} to {}", range.minimum, range.maximum);
}

/// The value in a few words, for messages.
std::string shown(const MetadataValue& value) {
  ByteReader reader(value.bytes, "value");
  switch (value.type) {
    case ValueType::array:
      return fmt::format("a list of {}", value.count);
    case ValueType::text:
      return in_quotes(text_of(value.bytes));
    case ValueType::boolean:
      return reader.number<std::uint8_t>("a boolean") != 0 ? "true" : "false";
    case ValueType::uint64:
      return std::to_string(reader.number<std::uint64_t>("a number"));
    default:
      return fmt::format("{}", *next_number(reader, value.type));
  }
}

}  // namespace

std::optional<std::int64_t> Metadata::find_integer(std::string_view key, IntegerRange range) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  ByteReader reader(value->bytes, source_);
  const std::optional<std::int64_t> number = next_integer(reader, value->type);
  if (!number || *number < range.minimum || *number > range.maximum) refuse(key, description(range));
  return number;
}

std::int64_t Metadata::integer(std::string_view key, IntegerRange range) const {
  const std::optional<std::int64_t> number = find_integer(key, range);
  if (!number) refuse(key, description(range));
  return *number;
}

std::optional<double> Metadata::find_number(std::string_view key, NumberRange range) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  ByteReader reader(value->bytes, source_);
  const std::optional<double> number = next_number(reader, value->type);
  if (!number || !(*number >= range.minimum && *number <= range.maximum)) refuse(key, description(range));
  return number;
}

double Metadata::number(std::string_view key, NumberRange range) const {
  const std::optional<double> number = find_number(key, range);
  if (!number) refuse(key, description(range));
  return *number;
}

std::optional<bool> Metadata::find_boolean(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != ValueType::boolean) refuse(key, "true or false");
  return value->bytes[0] != std::byte{0};
}

std::optional<std::string_view> Metadata::find_text(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != ValueType::text || !is_utf8(text_of(value->bytes))) refuse(key, "a text in UTF-8");
  return text_of(value->bytes);
}

std::string_view Metadata::text(std::string_view key) const {
  const std::optional<std::string_view> text = find_text(key);
  if (!text) refuse(key, "a text in UTF-8");
  return *text;
}

std::vector<std::string_view> Metadata::texts(std::string_view key) const {
  constexpr std::string_view expected = "a list of texts in UTF-8";
  const MetadataValue& value = array(key, expected);
  if (value.element != ValueType::text) refuse(key, expected);
  ByteReader reader(value.bytes, source_);
  std::vector<std::string_view> texts;
  texts.reserve(value.count);
  for (std::uint64_t i = 0; i < value.count; ++i) {
    texts.push_back(reader.take_text(reader.number<std::uint64_t>("a length"), "a text"));
    if (!is_utf8(texts.back()))
      throw Error(ErrorKind::invalid_file,
                  fmt::format("{}: {}: text {} is {}, which is not UTF-8", source_, in_quotes(key), i, in_quotes(texts.back())));
  }
  return texts;
}

std::vector<std::int64_t> Metadata::integers(std::string_view key) const {
  constexpr std::string_view expected = "a list of whole numbers";
  const MetadataValue& value = array(key, expected);
  ByteReader reader(value.bytes, source_);
  std::vector<std::int64_t> numbers;
  for (std::uint64_t i = 0; i < value.count; ++i) {
    const std::optional<std::int64_t> number = next_integer(reader, value.element);
    if (!number) refuse(key, expected);
    numbers.push_back(*number);
  }
  return numbers;
}

std::vector<float> Metadata::numbers(std::string_view key) const {
  constexpr std::string_view expected = "a list of finite numbers";
  const MetadataValue& value = array(key, expected);
  ByteReader reader(value.bytes, source_);
  std::vector<float> numbers;
  for (std::uint64_t i = 0; i < value.count; ++i) {
    const std::optional<double> number = next_number(reader, value.element);
    if (!number || !std::isfinite(static_cast<float>(*number))) refuse(key, expected);
    numbers.push_back(static_cast<float>(*number));
  }
  return numbers;
}

void Metadata::refuse(std::string_view key, std::string_view expected, ErrorKind kind) const {
  const MetadataValue* value = find(key);
  const std::string state = value == nullptr ? "is missing" : fmt::format("is {}", shown(*value));
  throw Error(kind, fmt::format("{}: {} {}, expected {}", source_, in_quotes(key), state, expected));
}

const MetadataValue* Metadata::find(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

const MetadataValue& Metadata::array(std::string_view key, std::string_view expected) const {
  const MetadataValue* value = find(key);
  if (value == nullptr || value->type != ValueType::array) refuse(key, expected);
  return *value;
}

}  // namespace accelerate::gguf

// The key-value pairs at the beginning of a GGUF file, and where its tensors are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/config.h"

namespace accelerate::gguf {

/// The types of values, by the numbers that the format gives them.
enum class ValueType : std::uint32_t {
  uint8,
  int8,
  uint16,
  int16,
  uint32,
  int32,
  float32,
  boolean,
  text,
  array,
  uint64,
  int64,
  float64,
};

/// A value as it lies in the file: a number, the characters of a text, or the elements of an array.
struct MetadataValue {
  ValueType type;
  ValueType element;    ///< of an array; else the type
  std::uint64_t count;  ///< elements of an array; else 1
  std::span<const std::byte> bytes;
};

/// The metadata of a file, read by key. Every getter throws invalid_file, naming the file, the key, its value and what was
/// expected, when the value is of another type or out of range; those that give no optional throw when it is absent too. What
/// they give are views of the file where they can be.
class Metadata {
 public:
  Metadata(std::string source, std::map<std::string, MetadataValue, std::less<>> values)
      : source_(std::move(source)), values_(std::move(values)) {}

  bool has(std::string_view key) const { return values_.contains(key); }

  std::optional<std::int64_t> find_integer(std::string_view key, IntegerRange range = {}) const;
  std::int64_t integer(std::string_view key, IntegerRange range = {}) const;
  std::optional<double> find_number(std::string_view key, NumberRange range = {}) const;
  double number(std::string_view key, NumberRange range = {}) const;
  std::optional<bool> find_boolean(std::string_view key) const;

  /// Texts are UTF-8.
  std::optional<std::string_view> find_text(std::string_view key) const;
  std::string_view text(std::string_view key) const;

  std::vector<std::string_view> texts(std::string_view key) const;
  std::vector<std::int64_t> integers(std::string_view key) const;
  std::vector<float> numbers(std::string_view key) const;

  /// The file's name, as messages begin with it.
  const std::string& source() const { return source_; }

  /// Throws the error for a value that is not as `expected`.
  [[noreturn]] void refuse(std::string_view key, std::string_view expected, ErrorKind kind = ErrorKind::invalid_file) const;

 private:
  const MetadataValue* find(std::string_view key) const;
  const MetadataValue& array(std::string_view key, std::string_view expected) const;

  std::string source_;
  std::map<std::string, MetadataValue, std::less<>> values_;
};

}  // namespace accelerate::gguf

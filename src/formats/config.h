#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/error.h"

namespace accelerate {

/// The whole numbers that a field may hold, both ends included.
struct IntegerRange {
  std::int64_t minimum = 1;
  std::int64_t maximum = std::numeric_limits<std::int32_t>::max();
};

/// The numbers that a field may hold, both ends included.
struct NumberRange {
  double minimum = std::numeric_limits<double>::lowest();
  double maximum = std::numeric_limits<double>::max();
};

/// A JSON object, such as a config.json or an object inside it, read by field.
///
/// A field that is null counts as absent. Every getter throws invalid_file, naming the file, the field, its value and what
/// was expected, when the field has the wrong type or is out of range; those without `_or` throw when it is absent too.
/// Copies share the parsed file.
class Config {
 public:
  /// Reads a file of at most `max_bytes`. Throws not_found, io, or invalid_file when it is no JSON object.
  static Config read(const std::filesystem::path& file, std::size_t max_bytes = 16 << 20);

  /// Parses `text`; `source` is the file's name in messages.
  static Config parse(std::string_view text, std::string source);

  /// Parses a list of objects, such as modules.json; messages name them "[0]", "[1]", …
  static std::vector<Config> parse_list(std::string_view text, const std::string& source);

  bool has(std::string_view field) const { return find(field) != nullptr; }

  /// The names of all fields, in alphabetical order.
  std::vector<std::string> fields() const;

  std::int64_t integer(std::string_view field, IntegerRange range = {}) const;
  std::int64_t integer_or(std::string_view field, std::int64_t fallback, IntegerRange range = {}) const;
  std::vector<std::int64_t> integers(std::string_view field, IntegerRange range = {}) const;

  double number(std::string_view field, NumberRange range = {}) const;
  double number_or(std::string_view field, double fallback, NumberRange range = {}) const;
  std::vector<double> numbers(std::string_view field, NumberRange range = {}) const;

  bool boolean(std::string_view field) const;
  bool boolean_or(std::string_view field, bool fallback) const;

  std::string text(std::string_view field) const;
  std::string text_or(std::string_view field, std::string_view fallback) const;
  std::vector<std::string> texts(std::string_view field) const;

  /// The field's object of texts, by key.
  std::map<std::string, std::string, std::less<>> text_map(std::string_view field) const;

  /// The field's object; its fields are called "field.name" in messages.
  Config object(std::string_view field) const;

  /// Whether the field is there and says null, where that means something else than nothing at all.
  bool is_null(std::string_view field) const;

  bool is_text(std::string_view field) const;
  bool is_list(std::string_view field) const;

  /// "model_type": the architecture family, "bert".
  std::string model_type() const { return text("model_type"); }

  /// "architectures": the transformers classes with their heads, "BertForMaskedLM"; empty when absent.
  std::vector<std::string> architectures() const;

  /// The names of a classifier's outputs, by index, from "id2label"; without it LABEL_0, LABEL_1, … as many as "num_labels"
  /// says (2 without that), as transformers names them.
  std::vector<std::string> labels() const;

  /// The file's name, as messages begin with it.
  const std::string& source() const { return source_; }

  /// Throws the error for a field that is not as `expected`: "config.json: 'hidden_act' is "x", expected gelu or relu".
  [[noreturn]] void refuse(std::string_view field, std::string_view expected, ErrorKind kind = ErrorKind::invalid_file) const;

 private:
  Config(std::shared_ptr<const nlohmann::json> value, std::string source, std::string prefix);
  const nlohmann::json* find(std::string_view field) const;

  std::shared_ptr<const nlohmann::json> value_;  // an object; keeps the whole file's value alive
  std::string source_;
  std::string prefix_;  // of field names in messages: "text_config."
};

}  // namespace accelerate

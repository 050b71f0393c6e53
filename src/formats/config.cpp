#include "formats/config.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "base/file.h"
#include "base/json.h"

namespace accelerate {
namespace {

// More classes than any classifier has: the limit keeps a wrong num_labels from filling the memory.
constexpr std::int64_t max_labels = 1'000'000;

/// The value as T, or nothing when it is of another type or out of range. One overload each type.
std::optional<std::int64_t> as(const Json& value, IntegerRange range) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    return std::nullopt;
  const auto number = value.get<std::int64_t>();
  return number >= range.minimum && number <= range.maximum ? std::optional(number) : std::nullopt;
}

std::optional<double> as(const Json& value, NumberRange range) {
  if (!value.is_number()) return std::nullopt;
  const auto number = value.get<double>();
  return number >= range.minimum && number <= range.maximum ? std::optional(number) : std::nullopt;
}

struct AnyText {};
std::optional<std::string> as(const Json& value, AnyText) {
  return value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt;
}

/// "a whole number ≥ 1", and the upper limit where it is not the usual one.
std::string description(IntegerRange range) {
  if (range.maximum == IntegerRange{}.maximum) return fmt::format("a whole number ≥ {} and < 2^31", range.minimum);
  return fmt::format("a whole number from {} to {}", range.minimum, range.maximum);
}

std::string description(NumberRange range) {
  const bool has_minimum = range.minimum > NumberRange{}.minimum;
  const bool has_maximum = range.maximum < NumberRange{}.maximum;
  if (has_minimum && has_maximum) return fmt::format("a number from {} to {}", range.minimum, range.maximum);
  if (has_minimum) return fmt::format("a number ≥ {}", range.minimum);
  if (has_maximum) return fmt::format("a number ≤ {}", range.maximum);
  return "a number";
}

std::string description(AnyText) { return "a text"; }

/// The list's elements, or nothing when one is not as wanted.
template <typename T, typename Wanted>
std::optional<std::vector<T>> list_of(const Json* list, Wanted wanted) {
  if (list == nullptr || !list->is_array()) return std::nullopt;
  std::vector<T> result;
  for (const Json& element : *list) {
    std::optional<T> value = as(element, wanted);
    if (!value) return std::nullopt;
    result.push_back(std::move(*value));
  }
  return result;
}

}  // namespace

Config::Config(std::shared_ptr<const Json> value, std::string source, std::string prefix)
    : value_(std::move(value)), source_(std::move(source)), prefix_(std::move(prefix)) {}

Config Config::read(const std::filesystem::path& file, std::size_t max_bytes) {
  return parse(read_text_file(file, max_bytes), file.string());
}

Config Config::parse(std::string_view text, std::string source) {
  auto value = std::make_shared<const Json>(parse_json(text, source));
  if (!value->is_object()) throw Error(ErrorKind::invalid_file, fmt::format("{}: is {}, expected a JSON object", source, excerpt(*value)));
  return {std::move(value), std::move(source), ""};
}

std::vector<Config> Config::parse_list(std::string_view text, const std::string& source) {
  const auto list = std::make_shared<const Json>(parse_json(text, source));
  if (!list->is_array()) throw Error(ErrorKind::invalid_file, fmt::format("{}: is {}, expected a JSON list", source, excerpt(*list)));
  std::vector<Config> objects;
  for (const Json& element : *list) {
    if (!element.is_object())
      throw Error(ErrorKind::invalid_file, fmt::format("{}: [{}] is {}, expected an object", source, objects.size(), excerpt(element)));
    objects.push_back(Config(std::shared_ptr<const Json>(list, &element), source, fmt::format("[{}].", objects.size())));
  }
  return objects;
}

std::int64_t Config::integer(std::string_view field, IntegerRange range) const {
  const Json* value = find(field);
  const std::optional<std::int64_t> number = value != nullptr ? as(*value, range) : std::nullopt;
  if (!number) refuse(field, description(range));
  return *number;
}

std::int64_t Config::integer_or(std::string_view field, std::int64_t fallback, IntegerRange range) const {
  return has(field) ? integer(field, range) : fallback;
}

std::vector<std::int64_t> Config::integers(std::string_view field, IntegerRange range) const {
  auto list = list_of<std::int64_t>(find(field), range);
  if (!list) refuse(field, fmt::format("a list, each element {}", description(range)));
  return *std::move(list);
}

double Config::number(std::string_view field, NumberRange range) const {
  const Json* value = find(field);
  const std::optional<double> number = value != nullptr ? as(*value, range) : std::nullopt;
  if (!number) refuse(field, description(range));
  return *number;
}

double Config::number_or(std::string_view field, double fallback, NumberRange range) const {
  return has(field) ? number(field, range) : fallback;
}

std::vector<double> Config::numbers(std::string_view field, NumberRange range) const {
  auto list = list_of<double>(find(field), range);
  if (!list) refuse(field, fmt::format("a list, each element {}", description(range)));
  return *std::move(list);
}

bool Config::boolean(std::string_view field) const {
  const Json* value = find(field);
  if (value == nullptr || !value->is_boolean()) refuse(field, "true or false");
  return value->get<bool>();
}

bool Config::boolean_or(std::string_view field, bool fallback) const { return has(field) ? boolean(field) : fallback; }

std::string Config::text(std::string_view field) const {
  if (!is_text(field)) refuse(field, description(AnyText{}));
  return find(field)->get<std::string>();
}

std::string Config::text_or(std::string_view field, std::string_view fallback) const {
  return has(field) ? text(field) : std::string(fallback);
}

std::vector<std::string> Config::texts(std::string_view field) const {
  auto list = list_of<std::string>(find(field), AnyText{});
  if (!list) refuse(field, "a list of texts");
  return *std::move(list);
}

std::map<std::string, std::string, std::less<>> Config::text_map(std::string_view field) const {
  const Config texts = object(field);
  std::map<std::string, std::string, std::less<>> result;
  for (const auto& [key, value] : texts.value_->items()) {
    if (!value.is_string()) texts.refuse(key, description(AnyText{}));
    result.emplace(key, value.get<std::string>());
  }
  return result;
}

Config Config::object(std::string_view field) const {
  const Json* value = find(field);
  if (value == nullptr || !value->is_object()) refuse(field, "an object");
  return {std::shared_ptr<const Json>(value_, value), source_, fmt::format("{}{}.", prefix_, field)};
}

std::vector<std::string> Config::fields() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : value_->items()) names.push_back(name);
  return names;
}

bool Config::is_null(std::string_view field) const {
  const auto found = value_->find(field);
  return found != value_->end() && found->is_null();
}

bool Config::is_text(std::string_view field) const {
  const Json* value = find(field);
  return value != nullptr && value->is_string();
}

bool Config::is_list(std::string_view field) const {
  const Json* value = find(field);
  return value != nullptr && value->is_array();
}

std::vector<std::string> Config::architectures() const {
  return has("architectures") ? texts("architectures") : std::vector<std::string>{};
}

std::vector<std::string> Config::labels() const {
  if (!has("id2label")) {
    std::vector<std::string> labels;
    const std::int64_t count = integer_or("num_labels", 2, {.minimum = 0, .maximum = max_labels});
    for (std::int64_t i = 0; i < count; ++i) labels.push_back(fmt::format("LABEL_{}", i));
    return labels;
  }
  const auto names = text_map("id2label");
  std::vector<std::string> labels(names.size());
  std::vector<bool> seen(names.size());
  for (const auto& [key, name] : names) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
    if (error != std::errc() || end != key.data() + key.size() || index >= labels.size() || seen[index])
      refuse("id2label", fmt::format(R"(each of the keys "0" to "{}" once)", labels.size() - 1));
    seen[index] = true;
    labels[index] = name;
  }
  return labels;
}

void Config::refuse(std::string_view field, std::string_view expected, ErrorKind kind) const {
  const auto found = value_->find(field);
  const std::string state = found == value_->end() ? "is missing" : fmt::format("is {}", excerpt(*found));
  throw Error(kind, fmt::format("{}: {} {}, expected {}", source_, in_quotes(fmt::format("{}{}", prefix_, field)), state, expected));
}

const Json* Config::find(std::string_view field) const {
  const auto found = value_->find(field);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

}  // namespace accelerate

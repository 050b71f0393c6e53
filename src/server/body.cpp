#include "server/body.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "ipfs_accelerate/error.h"
#include "server/http/error.h"

namespace accelerate::server {

using http::HttpError;

std::string dump(const OrderedJson& json) { return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace); }

Body Body::parse(std::string_view text) {
  std::shared_ptr<const OrderedJson> root;
  try {
    root = std::make_shared<const OrderedJson>(parse_ordered_json(text, "the body"));
  } catch (const Error& error) {
    throw HttpError(400, error.what(), "invalid_json");
  }
  if (!root->is_object()) throw HttpError(400, fmt::format("the body is {}, expected a JSON object", root->type_name()), "invalid_json");
  const OrderedJson* object = root.get();
  return {std::move(root), object, ""};
}

Body Body::parse_optional(std::string_view text) {
  return parse(text.find_first_not_of(" \t\r\n") == std::string_view::npos ? std::string_view("{}") : text);
}

void Body::refuse(std::string_view name, std::string_view expected) const {
  const OrderedJson* value = find(name);
  std::string shown = "missing";
  if (value != nullptr) {
    const std::string text = dump(*value);
    shown = value->is_string()  ? in_quotes(value->get_ref<const std::string&>())
            : text.size() <= 60 ? text
                                : std::string(value->type_name());
  }
  throw HttpError(400, fmt::format("{} is {}, expected {}", path_of(name), shown, expected), "invalid_value", path_of(name));
}

const OrderedJson* Body::find(std::string_view name) const {
  const auto found = object_->find(std::string(name));
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> Body::text(std::string_view name) const {
  const OrderedJson* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse(name, "a text");
  return value->get<std::string>();
}

std::optional<bool> Body::boolean(std::string_view name) const {
  const OrderedJson* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) refuse(name, "true or false");
  return value->get<bool>();
}

std::optional<double> Body::number(std::string_view name, double least, double most) const {
  const OrderedJson* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !(value->get<double>() >= least && value->get<double>() <= most))
    refuse(name, fmt::format("a number from {} to {}", least, most));
  return value->get<double>();
}

std::optional<std::int64_t> Body::integer(std::string_view name, std::int64_t least, std::int64_t most) const {
  const OrderedJson* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto expected = [&] { return fmt::format("a whole number from {} to {}", least, most); };
  if (!value->is_number()) refuse(name, expected());
  const double number = value->get<double>();
  if (number != std::floor(number) || number < static_cast<double>(least) || number > static_cast<double>(most)) refuse(name, expected());
  return value->is_number_float() ? static_cast<std::int64_t>(number) : value->get<std::int64_t>();
}

std::optional<Body> Body::object(std::string_view name) const {
  const OrderedJson* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) refuse(name, "an object");
  return Body(root_, value, path_of(name) + ".");
}

std::optional<std::vector<std::string>> Body::texts(std::string_view name) const {
  const OrderedJson* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return std::vector<std::string>{value->get<std::string>()};
  if (!value->is_array()) refuse(name, "a text or a list of texts");
  std::vector<std::string> result;
  result.reserve(value->size());
  for (const OrderedJson& each : *value) {
    if (!each.is_string()) refuse(name, "a text or a list of texts");
    result.push_back(each.get<std::string>());
  }
  return result;
}

std::optional<std::vector<Body>> Body::objects(std::string_view name) const {
  const OrderedJson* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array()) refuse(name, "a list of objects");
  std::vector<Body> result;
  for (std::size_t i = 0; i < value->size(); ++i) {
    if (!(*value)[i].is_object()) refuse(name, "a list of objects");
    result.push_back(Body(root_, &(*value)[i], fmt::format("{}[{}].", path_of(name), i)));
  }
  return result;
}

std::string Body::required_text(std::string_view name) const {
  std::optional<std::string> result = text(name);
  if (!result) refuse(name, "a text");
  return *std::move(result);
}

std::vector<std::string> Body::required_texts(std::string_view name) const {
  std::optional<std::vector<std::string>> result = texts(name);
  if (!result) refuse(name, "a text or a list of texts");
  return *std::move(result);
}

std::vector<Body> Body::required_objects(std::string_view name) const {
  std::optional<std::vector<Body>> result = objects(name);
  if (!result) refuse(name, "a list of objects");
  return *std::move(result);
}

}  // namespace accelerate::server

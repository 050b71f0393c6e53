#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ordered_json.h"

namespace accelerate::server {

/// An object of a request's JSON, read field by field. Fields that nobody asks for are ignored, null is as good as absent, and a
/// field of the wrong type or out of its range is refused as HttpError 400 that names it.
class Body {
 public:
  /// Throws HttpError 400 where `text` is not a JSON object.
  static Body parse(std::string_view text);

  /// The same, with an empty text as an empty object.
  static Body parse_optional(std::string_view text);

  /// The field's value; null pointer where it is absent or null.
  const OrderedJson* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }

  std::optional<std::string> text(std::string_view name) const;
  std::optional<bool> boolean(std::string_view name) const;
  std::optional<double> number(std::string_view name, double least, double most) const;
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most) const;
  std::optional<Body> object(std::string_view name) const;

  /// A text, or a list of texts; none where it is absent.
  std::optional<std::vector<std::string>> texts(std::string_view name) const;

  /// A list of objects; none where it is absent.
  std::optional<std::vector<Body>> objects(std::string_view name) const;

  // The same for fields that must be there.
  std::string required_text(std::string_view name) const;
  std::vector<std::string> required_texts(std::string_view name) const;
  std::vector<Body> required_objects(std::string_view name) const;

  /// The object itself.
  const OrderedJson& json() const { return *object_; }

  /// "messages[0].role" for "role".
  std::string path_of(std::string_view name) const { return place_ + std::string(name); }

  /// Throws HttpError 400: "NAME is VALUE, expected …", or "NAME is missing, expected …".
  [[noreturn]] void refuse(std::string_view name, std::string_view expected) const;

 private:
  Body(std::shared_ptr<const OrderedJson> root, const OrderedJson* object, std::string place)
      : root_(std::move(root)), object_(object), place_(std::move(place)) {}

  std::shared_ptr<const OrderedJson> root_;
  const OrderedJson* object_;
  std::string place_;  ///< before the names of its fields, for messages
};

/// JSON on one line, whose texts are UTF-8 whatever they were made of.
std::string dump(const OrderedJson& json);

}  // namespace accelerate::server

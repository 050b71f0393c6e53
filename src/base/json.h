#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace accelerate {

using Json = nlohmann::json;

/// The JSON value in `text`. Throws invalid_file, with a message that begins with `source` (a file's name), when it is not
/// JSON in UTF-8, is nested deeper than 64 levels, holds more than 4 million values or repeats a key within an object.
Json parse_json(std::string_view text, std::string_view source);

/// `text` in single quotes on one line, for messages: control characters are escaped and the end is cut off a long one.
std::string in_quotes(std::string_view text);

/// `value` as JSON on one line, for messages: the end is cut off a long one.
std::string excerpt(const Json& value);

}  // namespace accelerate

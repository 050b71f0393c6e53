#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace accelerate {

/// JSON whose objects keep the order of their keys, as prompts and grammars need it.
using OrderedJson = nlohmann::ordered_json;

/// The JSON value in `text`, with the bounds of parse_json() and at most 512 keys an object, which are looked for one by one.
OrderedJson parse_ordered_json(std::string_view text, std::string_view source);

}  // namespace accelerate

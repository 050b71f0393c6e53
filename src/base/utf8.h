#pragma once

#include <string_view>

namespace accelerate {

/// Whether `text` is UTF-8: no stray or missing bytes, no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

/// `text` without the white space at its end, as Unicode defines it (the property White_Space).
std::string_view without_trailing_space(std::string_view text);

}  // namespace accelerate

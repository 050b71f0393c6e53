// Bodies of several parts, as forms with files send them (RFC 7578).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace accelerate::http {

/// One part of a form: a field, or a file.
struct FormPart {
  std::string name;
  std::optional<std::string> file_name = {};  ///< of a file
  std::string content_type = {};              ///< as the client says it; empty where it does not
  std::string_view content;                   ///< within the body
};

/// The parts of `body`, which outlives them, in their order. Throws HttpError 415 where `content_type` is not that of a form, 400 for a
/// boundary that none may be, a part without a name, one without an end, and more than 64 parts.
std::vector<FormPart> parse_form(std::string_view content_type, std::string_view body);

}  // namespace accelerate::http

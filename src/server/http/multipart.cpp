#include "server/http/multipart.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "server/http/error.h"
#include "server/http/message.h"

namespace accelerate::http {
namespace {

constexpr std::size_t most_parts = 64;
constexpr std::size_t most_head_bytes = 8 << 10;  ///< of a part's fields

[[noreturn]] void refuse(const std::string& message) { throw HttpError(400, message, "invalid_form"); }

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// The value of a parameter, `name="cat.wav"` in `form-data; name="file"; filename="cat.wav"`; quotes may be left out. None where it is
/// not there, or its quote has no end.
std::optional<std::string> parameter_of(std::string_view field, std::string_view wanted) {
  std::size_t at = field.find(';');
  while (at != std::string_view::npos) {
    const std::size_t equals = field.find('=', at);
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = trimmed(field.substr(at + 1, equals - at - 1));
    std::string value;
    std::size_t next = field.find_first_not_of(" \t", equals + 1);
    if (next != std::string_view::npos && field[next] == '"') {
      for (++next; next < field.size() && field[next] != '"'; ++next) {
        if (field[next] == '\\' && next + 1 < field.size() && (field[next + 1] == '"' || field[next + 1] == '\\')) ++next;
        value += field[next];
      }
      if (next >= field.size()) return std::nullopt;
      at = field.find(';', next);
    } else {
      at = field.find(';', equals);
      value = trimmed(field.substr(equals + 1, at == std::string_view::npos ? at : at - equals - 1));
    }
    if (same_name(name, wanted)) return value;
  }
  return std::nullopt;
}

std::string boundary_of(std::string_view content_type) {
  const std::string_view kind = trimmed(content_type.substr(0, content_type.find(';')));
  if (!same_name(kind, "multipart/form-data"))
    throw HttpError(415, fmt::format("Content-Type is {}, expected multipart/form-data", in_quotes(content_type)), "not_a_form");
  std::optional<std::string> boundary = parameter_of(content_type, "boundary");
  constexpr std::size_t longest = 70;
  const auto is_visible = [](unsigned char c) { return c >= 0x20 && c < 0x7f; };
  if (!boundary || boundary->empty() || boundary->size() > longest || !std::ranges::all_of(*boundary, is_visible))
    refuse("Content-Type has no boundary of 1 to 70 visible characters");
  return *std::move(boundary);
}

/// The part whose fields and content `text` is.
FormPart part_of(std::string_view text, std::size_t number) {
  FormPart part{.name = {}, .content = {}};
  bool has_name = false;
  std::size_t read = 0;
  while (true) {
    const std::size_t end = text.find("\r\n");
    if (end == std::string_view::npos || (read += end) > most_head_bytes) refuse(fmt::format("part {}: its fields have no end", number));
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) refuse(fmt::format("part {}: a field without a colon", number));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (same_name(line.substr(0, colon), "content-type")) part.content_type = value;
    if (!same_name(line.substr(0, colon), "content-disposition")) continue;
    const auto name = parameter_of(value, "name");
    if (!name) refuse(fmt::format("part {}: Content-Disposition has no name", number));
    has_name = true;
    part.name = *name;
    part.file_name = parameter_of(value, "filename");
  }
  if (!has_name) refuse(fmt::format("part {}: no Content-Disposition with a name", number));
  part.content = text;
  return part;
}

}  // namespace

std::vector<FormPart> parse_form(std::string_view content_type, std::string_view body) {
  const std::string delimiter = "\r\n--" + boundary_of(content_type);
  // The first delimiter stands at the beginning, or behind a preamble that nobody reads.
  std::string_view rest = body;
  if (const std::string_view first = std::string_view(delimiter).substr(2); rest.starts_with(first)) {
    rest.remove_prefix(first.size());
  } else {
    const std::size_t begin = rest.find(delimiter);
    if (begin == std::string_view::npos) refuse("the body has no part");
    rest.remove_prefix(begin + delimiter.size());
  }
  std::vector<FormPart> parts;
  while (true) {
    if (rest.starts_with("--")) return parts;
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));  // what a gateway may add to a delimiter
    if (!rest.starts_with("\r\n")) refuse(fmt::format("part {}: no line's end behind its delimiter", parts.size() + 1));
    rest.remove_prefix(2);
    if (parts.size() == most_parts) refuse(fmt::format("the form has more than {} parts", most_parts));
    const std::size_t end = rest.find(delimiter);
    if (end == std::string_view::npos) refuse(fmt::format("part {}: it has no end", parts.size() + 1));
    parts.push_back(part_of(rest.substr(0, end), parts.size() + 1));
    rest.remove_prefix(end + delimiter.size());
  }
}

}  // namespace accelerate::http

#include "server/http/target.h"

#include <fmt/format.h>

#include "base/json.h"
#include "server/http/error.h"

namespace accelerate::http {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

HttpError malformed(std::string_view text, std::string_view expected) {
  return {400, fmt::format("the request target is {}, expected {}", in_quotes(text), expected)};
}

/// "http://host/path" as "/path".
std::string_view without_origin(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    const std::size_t slash = text.find('/', scheme.size());
    return slash == std::string_view::npos ? "/" : text.substr(slash);
  }
  return text;
}

}  // namespace

const std::string* Target::parameter(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return &value;
  return nullptr;
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return std::nullopt;
      c = static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    result += c;
  }
  return result;
}

Target parse_target(std::string_view text) {
  const std::string_view local = without_origin(text.substr(0, text.find('#')));
  if (!local.starts_with('/')) throw malformed(text, "a path that begins with /");
  const std::size_t mark = local.find('?');
  std::string_view path = local.substr(0, mark);
  Target target{.path = std::string(path), .segments = {}};

  path.remove_prefix(1);
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    std::optional<std::string> segment = percent_decoded(path.substr(0, slash));
    if (!segment || *segment == "." || *segment == "..") throw malformed(text, "segments that are percent-encoded and not '.' or '..'");
    target.segments.push_back(std::move(*segment));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }

  std::string_view query = mark == std::string_view::npos ? std::string_view() : local.substr(mark + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(pair.size() == query.size() ? pair.size() : pair.size() + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    std::optional<std::string> name = percent_decoded(pair.substr(0, equals), true);
    std::optional<std::string> value = equals == std::string_view::npos ? std::string() : percent_decoded(pair.substr(equals + 1), true);
    if (!name || !value) throw malformed(text, "a query that is percent-encoded");
    target.query.emplace_back(std::move(*name), std::move(*value));
  }
  return target;
}

}  // namespace accelerate::http

#include "base/json.h"

#include <fmt/format.h>

#include "base/json_builder.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

constexpr std::size_t max_message = 120;

/// `text` up to `max_message` bytes, without cutting a UTF-8 character in two.
std::string clipped(std::string_view text) {
  if (text.size() <= max_message) return std::string(text);
  std::size_t length = max_message;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0U) == 0x80U) --length;
  return fmt::format("{}…", text.substr(0, length));
}

/// `text` on one line and in valid UTF-8: as JSON would write it, without the quotation marks.
std::string one_line(std::string_view text) {
  const std::string escaped = Json(clipped(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
  return escaped.substr(1, escaped.size() - 2);
}

}  // namespace

Json parse_json(std::string_view text, std::string_view source) {
  // The parser would take a zero byte for the end of the text and what follows for nothing.
  refuse_zero_bytes(text, source);
  GuardedBuilder<Json> builder(source, {});
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

std::string in_quotes(std::string_view text) { return fmt::format("'{}'", one_line(text)); }

std::string excerpt(const Json& value) { return clipped(value.dump(-1, ' ', false, Json::error_handler_t::replace)); }

}  // namespace accelerate

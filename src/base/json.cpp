#include "base/json.h"

#include <fmt/format.h>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

constexpr std::size_t max_depth = 64;
constexpr std::size_t max_values = 4'000'000;
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

/// Builds the value from the parser's events, because only there can nesting and repeated keys be refused as they come.
class GuardedBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit GuardedBuilder(std::string_view source) : source_(source) {}

  Json take() { return std::move(root_); }

  bool null() override { return place(nullptr); }
  bool boolean(bool value) override { return place(value); }
  bool number_integer(number_integer_t value) override { return place(value); }
  bool number_unsigned(number_unsigned_t value) override { return place(value); }
  bool number_float(number_float_t value, const string_t&) override { return place(value); }
  bool string(string_t& value) override { return place(std::move(value)); }
  bool binary(binary_t& value) override { return place(std::move(value)); }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (open_.back()->contains(name)) refuse(fmt::format("the key {} appears twice in one object", in_quotes(name)));
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    std::string_view reason = error.what();
    if (const std::size_t end = reason.find("] "); end != std::string_view::npos) reason.remove_prefix(end + 2);
    refuse(fmt::format("not valid JSON: {}", one_line(reason)));
  }

 private:
  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ErrorKind::invalid_file, fmt::format("{}: {}", source_, reason));
  }

  Json& put(Json value) {
    if (++values_ > max_values) refuse(fmt::format("more than {} JSON values", max_values));
    if (open_.empty()) return root_ = std::move(value);
    Json& container = *open_.back();
    if (container.is_object()) return container.emplace(std::move(key_), std::move(value)).first.value();
    return container.emplace_back(std::move(value));
  }

  bool place(Json value) {
    put(std::move(value));
    return true;
  }

  bool open(Json container) {
    if (open_.size() == max_depth) refuse(fmt::format("JSON nested deeper than {} levels", max_depth));
    open_.push_back(&put(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view source_;
  Json root_;
  std::vector<Json*> open_;  // the containers around the next value, outermost first
  std::string key_;
  std::size_t values_ = 0;
};

}  // namespace

Json parse_json(std::string_view text, std::string_view source) {
  // The parser would take a zero byte for the end of the text and what follows for nothing.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos)
    throw Error(ErrorKind::invalid_file, fmt::format("{}: not valid JSON: a zero byte at position {}", source, zero));
  GuardedBuilder builder(source);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

std::string in_quotes(std::string_view text) { return fmt::format("'{}'", one_line(text)); }

std::string excerpt(const Json& value) { return clipped(value.dump(-1, ' ', false, Json::error_handler_t::replace)); }

}  // namespace accelerate

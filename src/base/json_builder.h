#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {

struct JsonBounds {
  std::size_t depth = 64;
  std::size_t values = 4'000'000;
  std::size_t keys = std::numeric_limits<std::size_t>::max();  ///< of one object
};

/// The parser would take a zero byte for the end of the text and what follows for nothing. Throws invalid_file.
inline void refuse_zero_bytes(std::string_view text, std::string_view source) {
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos)
    throw Error(ErrorKind::invalid_file, fmt::format("{}: not valid JSON: a zero byte at position {}", source, zero));
}

/// Builds the value from the parser's events, because only there can nesting and repeated keys be refused as they come.
template <typename AnyJson>
class GuardedBuilder final : public nlohmann::json_sax<AnyJson> {
 public:
  GuardedBuilder(std::string_view source, const JsonBounds& bounds) : source_(source), bounds_(bounds) {}

  AnyJson take() { return std::move(root_); }

  bool null() override { return place(nullptr); }
  bool boolean(bool value) override { return place(value); }
  bool number_integer(typename AnyJson::number_integer_t value) override { return place(value); }
  bool number_unsigned(typename AnyJson::number_unsigned_t value) override { return place(value); }
  bool number_float(typename AnyJson::number_float_t value, const typename AnyJson::string_t&) override { return place(value); }
  bool string(typename AnyJson::string_t& value) override { return place(std::move(value)); }
  bool binary(typename AnyJson::binary_t& value) override { return place(std::move(value)); }

  bool start_object(std::size_t) override { return open(AnyJson::object()); }
  bool start_array(std::size_t) override { return open(AnyJson::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(typename AnyJson::string_t& name) override {
    if (open_.back()->size() >= bounds_.keys) refuse(fmt::format("an object with more than {} keys", bounds_.keys));
    if (open_.back()->contains(name)) refuse(fmt::format("the key {} appears twice in one object", in_quotes(name)));
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    std::string_view reason = error.what();
    if (const std::size_t end = reason.find("] "); end != std::string_view::npos) reason.remove_prefix(end + 2);
    refuse(fmt::format("not valid JSON: {}", unquoted(in_quotes(reason))));
    return false;
  }

 private:
  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ErrorKind::invalid_file, fmt::format("{}: {}", source_, reason));
  }

  AnyJson& put(AnyJson value) {
    if (++values_ > bounds_.values) refuse(fmt::format("more than {} JSON values", bounds_.values));
    if (open_.empty()) return root_ = std::move(value);
    AnyJson& container = *open_.back();
    if (container.is_object()) return container.emplace(std::move(key_), std::move(value)).first.value();
    return container.emplace_back(std::move(value));
  }

  bool place(AnyJson value) {
    put(std::move(value));
    return true;
  }

  bool open(AnyJson container) {
    if (open_.size() == bounds_.depth) refuse(fmt::format("JSON nested deeper than {} levels", bounds_.depth));
    open_.push_back(&put(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  static std::string unquoted(const std::string& text) { return text.substr(1, text.size() - 2); }

  std::string_view source_;
  JsonBounds bounds_;
  AnyJson root_;
  std::vector<AnyJson*> open_;  // the containers around the next value, outermost first
  std::string key_;
  std::size_t values_ = 0;
};

}  // namespace accelerate

#include <stdexcept>
#include <string>

#include "fuzz/targets.h"
#include "server/http/error.h"
#include "server/http/request_parser.h"

namespace accelerate::fuzz {
namespace {

void require(bool condition, const char* what) {
  if (!condition) throw std::logic_error(what);
}

/// The parser as a connection uses it, with bytes that come in pieces of `step`; whether a whole request was there.
bool read(std::string_view text, std::size_t step, std::string& outcome) {
  const http::Limits limits{.head_bytes = 4096, .fields = 32, .body_bytes = 4096, .chunks = 16};
  http::RequestParser parser(limits);
  try {
    std::string input;
    for (std::size_t at = 0; at < text.size() && !parser.is_done(); at += step) {
      input += text.substr(at, step);
      std::size_t taken = 1;
      while (taken > 0 && !input.empty() && !parser.is_done()) {
        taken = parser.put(input);
        require(taken <= input.size(), "more was taken than there is");
        input.erase(0, taken);
      }
    }
  } catch (const http::HttpError& error) {
    require(error.status() >= 400 && error.status() < 506, "a refusal has a status of its own");
    require(std::string_view(error.what()).find('\n') == std::string_view::npos, "a refusal is one line");
    outcome = std::to_string(error.status());
    return false;
  }
  if (!parser.is_done()) {
    outcome = "more";
    return false;
  }
  require(parser.request().body.size() <= limits.body_bytes, "the body is longer than its limit");
  require(parser.request().target.path.starts_with('/'), "the path begins with /");
  outcome = parser.request().method + parser.request().target.path + parser.request().body;
  return true;
}

}  // namespace

bool http_request(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::string at_once;
  std::string in_pieces;
  const bool valid = read(text, text.size() + 1, at_once);
  const bool valid_in_pieces = read(text, 1 + text.size() % 13, in_pieces);
  require(valid == valid_in_pieces && (!valid || at_once == in_pieces), "the outcome depends on how the bytes are cut");
  return valid;
}

}  // namespace accelerate::fuzz

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "fuzz/targets.h"
#include "server/http/error.h"
#include "server/http/multipart.h"
#include "server/http/request_parser.h"
#include "server/kserve/tensors.h"

namespace accelerate::fuzz {
namespace {

void require(bool condition, const char* what) {
  if (!condition) throw std::logic_error(what);
}

/// A refusal is one line, and has status 400 or `other`.
void require_refusal(const http::HttpError& error, int other) {
  require(error.status() == 400 || error.status() == other, "a refusal has a status of its own");
  require(std::string_view(error.what()).find('\n') == std::string_view::npos, "a refusal is one line");
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

bool http_form(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t line = std::min(text.find('\n'), text.size());  // Content-Type stands before the body
  const std::string_view body = text.substr(std::min(line + 1, text.size()));
  try {
    for (const http::FormPart& part : http::parse_form(text.substr(0, line), body))
      require(part.content.data() >= body.data() && part.content.data() + part.content.size() <= body.data() + body.size(),
              "a part lies within the body");
  } catch (const http::HttpError& error) {
    require_refusal(error, 415);
    return false;
  }
  return true;
}

bool infer_request(std::span<const std::byte> bytes) {
  // Two bytes give the length of the JSON; all ones: the body is JSON alone.
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::uint16_t length = 0xffff;
  if (text.size() >= sizeof length) std::memcpy(&length, text.data(), sizeof length);
  const std::string_view body = text.substr(std::min(sizeof length, text.size()));
  namespace kserve = server::kserve;
  try {
    const kserve::InferRequest request = kserve::parse_infer(body, length == 0xffff ? std::nullopt : std::optional<std::size_t>(length));
    for (const kserve::NamedTensor& input : request.inputs) {
      std::size_t elements = 1;
      for (const std::int64_t size : input.shape) elements *= static_cast<std::size_t>(size);
      const std::size_t held = input.is_text ? input.texts.size() : input.numbers.byte_size() / size_of(input.numbers.dtype());
      require(held == elements, "a tensor holds as much as its shape says");
    }
    // What was read can be said again, as bytes, and is then the same.
    kserve::InferRequest wanted{.inputs = {}, .binary = true};
    const kserve::InferResponse response = kserve::infer_response(wanted, "m", request.inputs);
    require(!response.json_bytes || *response.json_bytes <= response.body.size(), "the JSON stands before the bytes");
  } catch (const http::HttpError& error) {
    require_refusal(error, 400);
    return false;
  }
  return true;
}

}  // namespace accelerate::fuzz

#include "server/http/request_parser.h"

#include <fmt/format.h>

#include <boost/beast/http/basic_parser.hpp>
#include <exception>

#include "base/json.h"
#include "server/http/error.h"
#include "server/http/inflate.h"

namespace accelerate::http {

namespace beast = boost::beast;
using beast::error_code;

/// Beast's parser, which calls back with what it finds; errors are kept until put() can throw them.
class RequestParser::Parser : public beast::http::basic_parser<true> {
 public:
  Parser(const Limits& limits, Request& request) : request_(request), most_fields_(limits.fields), most_chunks_(limits.chunks) {
    header_limit(static_cast<std::uint32_t>(limits.head_bytes));
    body_limit(boost::none);  // counted here, where the inflated body is counted too
    most_bytes_ = limits.body_bytes;
  }

  std::size_t read(std::string_view bytes) {
    error_code error;
    const std::size_t taken = put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if (failure_) std::rethrow_exception(failure_);
    if (error && error != beast::http::error::need_more) throw error_of(error);
    return taken;
  }

  void limit_body(std::size_t most_bytes) {
    most_bytes_ = most_bytes;
    if (const auto length = content_length(); length && *length > most_bytes) throw too_long();
  }

  void drop_body() { drops_ = true; }

  bool expects_continue() const { return expects_continue_; }

 private:
  using Text = beast::string_view;

  static std::string_view view(Text text) { return {text.data(), text.size()}; }

  HttpError too_long() const { return {413, fmt::format("the body is longer than {} bytes, the most that is taken", most_bytes_)}; }

  static HttpError error_of(error_code code) {
    using beast::http::error;
    if (code == error::header_limit) return {431, "the request's fields are longer than what is taken"};
    if (code == error::bad_version) return {505, "the request's HTTP version is not 1.0 or 1.1"};
    return {400, "the request is not HTTP/1.1: " + code.message()};
  }

  /// Runs `work`, and makes what it throws the end of the parse.
  template <typename Work>
  void guard(error_code& error, Work&& work) {
    try {
      work();
    } catch (...) {
      failure_ = std::current_exception();
      error = beast::http::error::bad_value;
    }
  }

  void on_request_impl(beast::http::verb, Text method, Text target, int version, error_code& error) override {
    guard(error, [&] {
      request_.method = view(method);
      request_.is_http_1_0 = version == 10;
      request_.target = http::parse_target(view(target));
    });
  }

  void on_response_impl(int, Text, int, error_code&) override {}

  void on_field_impl(beast::http::field name, Text name_text, Text value, error_code& error) override {
    if (has_fields_) return;  // of the trailer: nothing there is believed
    guard(error, [&] {
      if (request_.fields.size() >= most_fields_) throw HttpError(431, fmt::format("the request has more than {} fields", most_fields_));
      // Two readers of a request with two lengths may see two requests (RFC 9112, 6.3).
      const bool frames = name == beast::http::field::content_length || name == beast::http::field::transfer_encoding;
      if (frames) {
        if (is_framed_) throw HttpError(400, "the request has more than one of Content-Length and Transfer-Encoding");
        is_framed_ = true;
      }
      if (name == beast::http::field::transfer_encoding && (!same_name(view(value), "chunked") || request_.is_http_1_0))
        throw HttpError(501, fmt::format("Transfer-Encoding is {}, expected chunked, of HTTP/1.1", in_quotes(view(value))));
      if (name == beast::http::field::host && request_.fields.find("host") != nullptr)
        throw HttpError(400, "the request has more than one Host");
      request_.fields.add(std::string(view(name_text)), std::string(view(value)));
    });
  }

  void on_header_impl(error_code& error) override {
    has_fields_ = true;
    guard(error, [&] {
      request_.keep_alive = keep_alive();
      if (!request_.is_http_1_0 && request_.fields.find("host") == nullptr) throw HttpError(400, "the request has no Host");
      if (const std::string* expectation = request_.fields.find("expect"); expectation != nullptr && !request_.is_http_1_0) {
        if (!same_name(*expectation, "100-continue"))
          throw HttpError(417, fmt::format("Expect is {}, expected 100-continue", in_quotes(*expectation)));
        expects_continue_ = true;
      }
    });
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code& error) override {
    guard(error, [&] { inflater_.emplace(content_encoding(request_.fields.value("content-encoding")), most_bytes_); });
  }

  void take(std::string_view piece) {
    taken_bytes_ += piece.size();
    if (taken_bytes_ > most_bytes_) throw too_long();
    if (!drops_) inflater_->put(piece, request_.body);
  }

  std::size_t on_body_impl(Text piece, error_code& error) override {
    guard(error, [&] { take(view(piece)); });
    return piece.size();
  }

  void on_chunk_header_impl(std::uint64_t size, Text, error_code& error) override {
    guard(error, [&] {
      if (size > 0 && ++chunks_ > most_chunks_) throw HttpError(400, fmt::format("the body has more than {} chunks", most_chunks_));
      if (size > most_bytes_ - taken_bytes_) throw too_long();
    });
  }

  std::size_t on_chunk_body_impl(std::uint64_t, Text piece, error_code& error) override { return on_body_impl(piece, error); }

  void on_finish_impl(error_code& error) override {
    guard(error, [&] {
      if (inflater_ && !drops_ && taken_bytes_ > 0) inflater_->finish();
    });
  }

  Request& request_;
  std::size_t most_fields_;
  std::size_t most_chunks_;
  std::size_t most_bytes_ = 0;
  std::size_t taken_bytes_ = 0;
  std::size_t chunks_ = 0;
  bool has_fields_ = false;
  bool is_framed_ = false;
  bool expects_continue_ = false;
  bool drops_ = false;
  std::optional<Inflater> inflater_;
  std::exception_ptr failure_;
};

RequestParser::RequestParser(const Limits& limits) : parser_(std::make_unique<Parser>(limits, request_)) {}

RequestParser::~RequestParser() = default;

std::size_t RequestParser::put(std::string_view bytes) { return parser_->read(bytes); }

bool RequestParser::has_head() const { return parser_->is_header_done(); }

bool RequestParser::is_done() const { return parser_->is_done(); }

std::optional<std::uint64_t> RequestParser::content_length() const {
  const auto length = parser_->content_length();
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}

bool RequestParser::expects_continue() const { return parser_->expects_continue(); }

void RequestParser::limit_body(std::size_t most_bytes) { parser_->limit_body(most_bytes); }

void RequestParser::drop_body() { parser_->drop_body(); }

}  // namespace accelerate::http

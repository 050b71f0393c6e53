#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/limits.h"
#include "server/http/message.h"

namespace accelerate::http {

/// One request of HTTP/1.0 or 1.1 from the bytes of a connection, whichever way these are cut. Knows no socket.
class RequestParser {
 public:
  explicit RequestParser(const Limits& limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Takes as much of `bytes` as it can and returns how many that were; none where it needs more at once. Stops behind the
  /// fields, and behind the body. Throws HttpError, after which the connection is of no use.
  std::size_t put(std::string_view bytes);

  /// Whether the fields are whole; from then on request() has them, and put() reads the body.
  bool has_head() const;

  /// Whether the body is whole too.
  bool is_done() const;

  /// The request: its fields once has_head(), its body once is_done().
  Request& request() { return request_; }

  /// Bytes of the body as they come, where the client says.
  std::optional<std::uint64_t> content_length() const;

  /// Whether the client waits for "100 Continue" before it sends the body.
  bool expects_continue() const;

  /// Takes bodies of so many bytes. Throws HttpError 413 where the client has said that there are more.
  void limit_body(std::size_t most_bytes);

  /// Reads the body without keeping it.
  void drop_body();

 private:
  class Parser;

  Request request_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace accelerate::http

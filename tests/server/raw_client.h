#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace accelerate {

/// An answer as it came.
struct RawResponse {
  int status = 0;                             ///< 0: there was none, or only a part of one
  std::map<std::string, std::string> fields;  ///< names in lower case
  std::string body;                           ///< without the framing of chunks
  bool whole = false;                         ///< the body came to the end that its framing says
};

/// A connection to a server of this machine on which a test sends whatever it likes.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  /// Whether all bytes were taken by the system.
  bool send(std::string_view bytes);

  /// Reads one answer; waits that long at most for each part of it.
  RawResponse receive(std::chrono::milliseconds patience = std::chrono::seconds(20), bool without_body = false);

  /// Whether the server closes, or has closed, the connection within that time.
  bool is_closed_within(std::chrono::milliseconds time);

  /// Says that nothing more comes.
  void finish();

  /// Closes with a reset, as a client that dies does.
  void die();

 private:
  bool fill(std::chrono::milliseconds patience);
  bool take_line(std::string& line, std::chrono::milliseconds patience);
  bool take(std::size_t count, std::string& into, std::chrono::milliseconds patience);

  int socket_;
  std::string input_;
};

/// "POST /path HTTP/1.1 …" with Host, Content-Length and further fields, each with its line's end.
std::string request_text(std::string_view method, std::string_view path, std::string_view body = {}, std::string_view fields = {});

/// Sends one request on a connection of its own.
RawResponse ask(std::uint16_t port, std::string_view method, std::string_view path, std::string_view body = {},
                std::string_view fields = {});

}  // namespace accelerate

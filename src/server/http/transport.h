// The bytes of one connection, over TCP, a UNIX socket or TLS.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace boost::asio::ssl {
class context;
}

namespace accelerate::http {

namespace asio = boost::asio;
using Socket = asio::generic::stream_protocol::socket;

class Transport {
 public:
  virtual ~Transport() = default;

  /// Shakes hands, where there is something to agree on; whether that went well.
  virtual asio::awaitable<bool> open() = 0;

  /// Waits for bytes and appends them to `into`; false at the end, and once the connection is closed. Holds no memory while it waits,
  /// where the kind of connection allows.
  virtual asio::awaitable<bool> read(std::string& into) = 0;

  /// Writes all pieces, one after the other; false where the client is gone.
  virtual asio::awaitable<bool> write(std::span<const std::string_view> pieces) = 0;

  /// Says that nothing more comes; the client may still send.
  virtual void finish() = 0;

  /// Ends what is being waited for, and the connection.
  virtual void close() = 0;

  /// Bytes that the client has taken.
  std::size_t written() const { return written_; }

 protected:
  std::size_t written_ = 0;
};

/// A connection without encryption.
std::unique_ptr<Transport> plain_transport(Socket socket);

/// One with TLS.
std::unique_ptr<Transport> tls_transport(Socket socket, asio::ssl::context& context);

}  // namespace accelerate::http

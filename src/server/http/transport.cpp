#include "server/http/transport.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

namespace accelerate::http {
namespace {

using boost::system::error_code;

constexpr std::size_t read_bytes = 64 << 10;

void close_socket(Socket& socket) {
  error_code ignored;
  socket.shutdown(Socket::shutdown_both, ignored);
  socket.close(ignored);
}

class Plain final : public Transport {
 public:
  explicit Plain(Socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
  }

  asio::awaitable<bool> open() override { co_return true; }

  asio::awaitable<bool> read(std::string& into) override {
    // All connections of a thread share one buffer: it is filled and emptied without a pause between.
    thread_local std::vector<char> buffer(read_bytes);
    error_code error;
    while (true) {
      const std::size_t count = socket_.read_some(asio::buffer(buffer), error);
      if (!error) {
        into.append(buffer.data(), count);
        co_return true;
      }
      if (error == asio::error::interrupted) continue;
      if (error != asio::error::would_block && error != asio::error::try_again) co_return false;
      co_await socket_.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return false;
    }
  }

  asio::awaitable<bool> write(std::span<const std::string_view> pieces) override {
    error_code error;
    for (std::size_t first = 0; first < pieces.size(); first += 16) {
      std::array<asio::const_buffer, 16> buffers;
      const std::span<const std::string_view> some = pieces.subspan(first, std::min<std::size_t>(16, pieces.size() - first));
      std::size_t left = 0;
      for (std::size_t i = 0; i < some.size(); ++i) {
        buffers[i] = asio::buffer(some[i].data(), some[i].size());
        left += some[i].size();
      }
      while (left > 0) {
        std::size_t count = socket_.write_some(buffers, error);
        if (error == asio::error::would_block || error == asio::error::try_again) {
          co_await socket_.async_wait(Socket::wait_write, asio::redirect_error(asio::use_awaitable, error));
          if (error) co_return false;
          continue;
        }
        if (error == asio::error::interrupted) continue;
        if (error) co_return false;
        written_ += count;
        left -= count;
        for (asio::const_buffer& buffer : buffers) {
          const std::size_t part = std::min(count, buffer.size());
          buffer += part;
          count -= part;
        }
      }
    }
    co_return true;
  }

  void finish() override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }

  void close() override { close_socket(socket_); }

 private:
  Socket socket_;
};

class Tls final : public Transport {
 public:
  Tls(Socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  asio::awaitable<bool> open() override {
    error_code error;
    co_await stream_.async_handshake(asio::ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
  }

  asio::awaitable<bool> read(std::string& into) override {
    if (buffer_.empty()) buffer_.resize(16 << 10);
    error_code error;
    const std::size_t count = co_await stream_.async_read_some(asio::buffer(buffer_), asio::redirect_error(asio::use_awaitable, error));
    into.append(buffer_.data(), count);
    co_return !error && count > 0;
  }

  asio::awaitable<bool> write(std::span<const std::string_view> pieces) override {
    error_code error;
    for (std::string_view piece : pieces) {
      while (!piece.empty()) {
        const std::size_t count =
            co_await stream_.async_write_some(asio::buffer(piece.data(), piece.size()), asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return false;
        written_ += count;
        piece.remove_prefix(count);
      }
    }
    co_return true;
  }

  void finish() override {
    error_code ignored;
    stream_.next_layer().shutdown(Socket::shutdown_send, ignored);
  }

  void close() override { close_socket(stream_.next_layer()); }

 private:
  asio::ssl::stream<Socket> stream_;
  std::vector<char> buffer_;
};

}  // namespace

std::unique_ptr<Transport> plain_transport(Socket socket) { return std::make_unique<Plain>(std::move(socket)); }

std::unique_ptr<Transport> tls_transport(Socket socket, asio::ssl::context& context) {
  return std::make_unique<Tls>(std::move(socket), context);
}

}  // namespace accelerate::http

#include "server/http/client.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <exception>
#include <optional>

#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;

constexpr std::size_t most_answer_bytes = std::size_t{1} << 30;

struct Address {
  enum class Kind : unsigned char { plain, tls, local } kind;
  std::string host;  ///< or the socket's path
  std::string port = {};
};

Address address_of(std::string_view text) {
  if (text.starts_with("unix:") && text.size() > 5) return {.kind = Address::Kind::local, .host = std::string(text.substr(5))};
  Address address{.kind = text.starts_with("https://") ? Address::Kind::tls : Address::Kind::plain, .host = {}};
  std::string_view rest = text;
  bool is_known = false;
  for (const std::string_view scheme : {"http://", "https://"})
    if (rest.starts_with(scheme)) {
      rest.remove_prefix(scheme.size());
      is_known = true;
      break;
    }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
  const std::size_t colon = bracket == std::string_view::npos ? bracket : rest.find(':', bracket);
  address.host = rest.substr(bracket > 0 ? 1 : 0, bracket > 0 ? bracket - 1 : colon);
  address.port =
      colon == std::string_view::npos ? (address.kind == Address::Kind::tls ? "443" : "80") : std::string(rest.substr(colon + 1));
  const bool has_number =
      !address.port.empty() && address.port.size() <= 5 && address.port.find_first_not_of("0123456789") == std::string::npos;
  if (!is_known || address.host.empty() || !has_number || rest.find('/') != std::string_view::npos)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("server is {}, expected http://HOST:PORT, https://HOST:PORT or unix:/path", in_quotes(text)));
  return address;
}

using Request = beast::http::request<beast::http::string_body>;

Request request_of(const ClientOptions& options, const Address& address, std::string_view method, std::string_view target,
                   std::string_view body) {
  Request request;
  request.method_string({method.data(), method.size()});
  request.target({target.data(), target.size()});
  request.version(11);
  request.set(beast::http::field::host, address.kind == Address::Kind::local ? "localhost" : address.host + ":" + address.port);
  request.set(beast::http::field::connection, "close");
  if (!options.key.empty()) request.set(beast::http::field::authorization, "Bearer " + options.key);
  if (!body.empty()) request.set(beast::http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();
  return request;
}

template <typename Stream>
asio::awaitable<ClientResponse> exchange(Stream& stream, const Request& request) {
  co_await beast::http::async_write(stream, request, asio::use_awaitable);
  beast::flat_buffer buffer;
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(most_answer_bytes);
  co_await beast::http::async_read(stream, buffer, parser, asio::use_awaitable);
  co_return ClientResponse{.status = static_cast<int>(parser.get().result_int()), .body = std::move(parser.get().body())};
}

asio::awaitable<ClientResponse> ask_at(const ClientOptions& options, const Address& address, const Request& request) {
  const auto executor = co_await asio::this_coro::executor;
  if (address.kind == Address::Kind::local) {
    Local::socket socket(executor);
    co_await socket.async_connect(Local::endpoint(address.host), asio::use_awaitable);
    co_return co_await exchange(socket, request);
  }
  Tcp::resolver resolver(executor);
  const auto found = co_await resolver.async_resolve(address.host, address.port, asio::use_awaitable);
  Tcp::socket socket(executor);
  boost::system::error_code failure;
  for (const auto& entry : found) {
    socket = Tcp::socket(executor);
    co_await socket.async_connect(entry.endpoint(), asio::redirect_error(asio::use_awaitable, failure));
    if (!failure) break;
  }
  if (failure) throw boost::system::system_error(failure);
  if (address.kind == Address::Kind::plain) co_return co_await exchange(socket, request);
  asio::ssl::context context(asio::ssl::context::tls_client);
  options.ca_file.empty() ? context.set_default_verify_paths() : context.load_verify_file(options.ca_file.string());
  asio::ssl::stream<Tcp::socket> stream(std::move(socket), context);
  stream.set_verify_mode(asio::ssl::verify_peer);
  stream.set_verify_callback(asio::ssl::host_name_verification(address.host));
  SSL_set_tlsext_host_name(stream.native_handle(), address.host.c_str());
  co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
  co_return co_await exchange(stream, request);
}

}  // namespace

ClientResponse ask(const ClientOptions& options, std::string_view method, std::string_view target, std::string_view body) {
  const Address address = address_of(options.server);
  const Request request = request_of(options, address, method, target, body);
  asio::io_context context(1);
  std::optional<ClientResponse> response;
  std::exception_ptr error;
  asio::co_spawn(context, ask_at(options, address, request), [&](const std::exception_ptr& thrown, ClientResponse answer) {
    error = thrown;
    response = std::move(answer);
  });
  context.run_for(std::chrono::duration_cast<std::chrono::steady_clock::duration>(options.time));
  if (!response) throw Error(ErrorKind::timed_out, fmt::format("{}: no answer within {} s", options.server, options.time.count()));
  try {
    if (error) std::rethrow_exception(error);
  } catch (const boost::system::system_error& failure) {
    throw Error(ErrorKind::io, fmt::format("{}: {}", options.server, failure.code().message()));
  }
  return *std::move(response);
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const unsigned char c : text) {
    const bool is_plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == '~';
    encoded += is_plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
  }
  return encoded;
}

}  // namespace accelerate::http

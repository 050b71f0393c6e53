#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/http/exchange.h"
#include "server/http/request_parser.h"
#include "server/http/site.h"
#include "server/http/transport.h"

namespace accelerate::http {

/// Runs a handler at its place.
using Dispatch = std::function<void(Place place, std::function<void()> work)>;

/// One client's connection: reads requests one after the other and sends each one's answer. Lives on the thread of one context;
/// answers may come from any.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::unique_ptr<Transport> transport, std::shared_ptr<asio::io_context> context, const Site& site, const Dispatch& dispatch,
             std::string peer);
  ~Connection();

  /// Begins to read; `closed` is called once, at the end.
  void start(std::function<void(Connection&)> closed);

  /// Looks whether the client has taken too long with anything.
  void check_deadline(std::chrono::steady_clock::time_point now);

  /// Closes now where no request is being read or answered, else after the answer.
  void drain();

  /// Closes now; what is being computed is cancelled.
  void cut();

  bool is_idle() const { return phase_ == Phase::idle; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase : unsigned char { opening, idle, head, body, answer, write, linger };

  asio::awaitable<void> read_all();
  asio::awaitable<void> serve();
  asio::awaitable<bool> serve_one();
  asio::awaitable<bool> read_head(RequestParser& parser);
  asio::awaitable<bool> read_body(RequestParser& parser);
  asio::awaitable<bool> answer(const Route& route, std::shared_ptr<Exchange> exchange);
  asio::awaitable<bool> send(Response response, const Request& request, bool keep_alive);
  asio::awaitable<bool> stream(Exchange& exchange, Exchange::Output output, bool keep_alive);
  asio::awaitable<bool> write(std::span<const std::string_view> pieces);
  asio::awaitable<void> linger();
  asio::awaitable<void> wait();

  bool consume(RequestParser& parser);
  void enter(Phase phase, Limits::Seconds time);
  void wake();
  void close();
  Response decorated(Response response, const Request& request) const;
  Exchange::Hooks hooks() const;
  void report(const Request& request, const Route* route, int status, bool broken, std::string endpoint = {});

  std::unique_ptr<Transport> transport_;
  const std::shared_ptr<asio::io_context> context_;  ///< shared with whoever may still answer
  const Site& site_;
  const Dispatch& dispatch_;
  const std::string peer_;
  std::function<void(Connection&)> closed_;

  asio::steady_timer event_;  ///< cancelled when there is something new for serve()
  asio::steady_timer room_;   ///< cancelled when there is room in input_
  std::string input_;         ///< bytes that were read and not yet understood
  bool at_end_ = false;       ///< the client sends nothing more
  bool is_closed_ = false;
  bool draining_ = false;
  bool timed_out_ = false;
  bool has_news_ = false;  ///< since serve() last waited
  Phase phase_ = Phase::opening;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::size_t sent_before_ = 0;     ///< bytes, when the request began
  std::size_t written_before_ = 0;  ///< when the deadline of a write was last moved
  std::shared_ptr<Exchange> exchange_;
};

}  // namespace accelerate::http

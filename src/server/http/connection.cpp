#include "server/http/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>

namespace accelerate::http {
namespace {

using boost::system::error_code;

/// Bytes of the next requests that are read while one is answered.
constexpr std::size_t most_ahead = 64 << 10;

/// Of a refused body, that are read and thrown away so that the connection can go on.
constexpr std::size_t most_dropped = 256 << 10;

/// An id that no other request has: of this process, and how many there were.
std::string new_request_id() {
  static const std::uint64_t process = std::random_device{}() | (static_cast<std::uint64_t>(std::random_device{}()) << 32);
  static std::atomic<std::uint64_t> count{0};
  return fmt::format("{:016x}-{:x}", process, ++count);
}

/// The client's X-Request-Id where it is one line of visible characters, else a new one.
std::string request_id(const Request& request) {
  const std::string_view given = request.fields.value("x-request-id");
  const auto visible = [](char c) { return c > 0x20 && c < 0x7f; };
  if (given.empty() || given.size() > 128 || !std::ranges::all_of(given, visible)) return new_request_id();
  return std::string(given);
}

}  // namespace

Connection::Connection(std::unique_ptr<Transport> transport, std::shared_ptr<asio::io_context> context, const Site& site,
                       const Dispatch& dispatch, std::string peer)
    : transport_(std::move(transport)),
      context_(std::move(context)),
      site_(site),
      dispatch_(dispatch),
      peer_(std::move(peer)),
      event_(*context_, Clock::time_point::max()),
      room_(*context_, Clock::time_point::max()) {}

Connection::~Connection() = default;

void Connection::start(std::function<void(Connection&)> closed) {
  closed_ = std::move(closed);
  enter(Phase::opening, site_.limits.head_time);
  asio::co_spawn(*context_, [self = shared_from_this()] { return self->serve(); }, asio::detached);
}

void Connection::enter(Phase phase, Limits::Seconds time) {
  phase_ = phase;
  deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
}

void Connection::wake() {
  has_news_ = true;
  event_.cancel();
}

asio::awaitable<void> Connection::wait() {
  if (!has_news_ && !is_closed_) {
    error_code ignored;
    co_await event_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  has_news_ = false;
}

void Connection::close() {
  if (is_closed_) return;
  is_closed_ = true;
  transport_->close();
  if (exchange_) exchange_->cancel();
  room_.cancel();
  wake();
}

void Connection::cut() { close(); }

void Connection::drain() {
  draining_ = true;
  if (phase_ == Phase::idle || phase_ == Phase::opening) close();
}

void Connection::check_deadline(Clock::time_point now) {
  if (is_closed_ || now < deadline_) return;
  switch (phase_) {
    case Phase::head:
    case Phase::body:
    case Phase::answer:
      if (timed_out_) return close();
      timed_out_ = true;  // the client is told, for which it has as long as for any answer
      deadline_ = now + std::chrono::duration_cast<Clock::duration>(site_.limits.write_time);
      return wake();
    case Phase::write:
      // A client that takes some of the answer has its time anew.
      if (transport_->written() != written_before_) {
        written_before_ = transport_->written();
        return enter(Phase::write, site_.limits.write_time);
      }
      return close();
    case Phase::opening:
    case Phase::idle:
    case Phase::linger:
      return close();
  }
}

asio::awaitable<void> Connection::read_all() {
  while (!is_closed_) {
    if (input_.size() >= most_ahead) {
      error_code ignored;
      co_await room_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      continue;
    }
    if (!co_await transport_->read(input_)) break;
    wake();
  }
  at_end_ = true;
  if (exchange_) exchange_->cancel();
  wake();
}

asio::awaitable<void> Connection::serve() {
  const std::shared_ptr<Connection> self = shared_from_this();
  try {
    if (co_await transport_->open()) {
      asio::co_spawn(*context_, [self] { return self->read_all(); }, asio::detached);
      bool goes_on = true;
      while (goes_on && !is_closed_) goes_on = co_await serve_one();
    }
  } catch (const std::exception& error) {  // such as a lack of memory: it ends this connection alone
    if (site_.on_fault) site_.on_fault(Request(), error.what());
  }
  close();
  if (closed_) closed_(*this);
}

bool Connection::consume(RequestParser& parser) {
  if (input_.empty()) return false;
  const std::size_t taken = parser.put(input_);
  input_.erase(0, taken);
  if (input_.empty() && input_.capacity() > (4 << 10)) input_ = {};
  if (input_.size() < most_ahead) room_.cancel();
  return taken > 0;
}

asio::awaitable<bool> Connection::read_head(RequestParser& parser) {
  enter(Phase::idle, site_.limits.idle_time);
  while (true) {
    if (phase_ == Phase::idle && !input_.empty()) enter(Phase::head, site_.limits.head_time);
    while (!parser.has_head() && consume(parser)) {
    }
    if (parser.has_head()) co_return true;
    if (timed_out_) throw HttpError(408, "the request's fields did not come in time", "timeout");
    if (at_end_ || is_closed_ || (draining_ && input_.empty())) co_return false;
    if (input_.size() >= most_ahead) throw HttpError(431, "the request's fields are longer than what is taken");
    co_await wait();
  }
}

asio::awaitable<bool> Connection::read_body(RequestParser& parser) {
  enter(Phase::body, site_.limits.body_time);
  while (true) {
    while (!parser.is_done() && consume(parser)) {
    }
    if (parser.is_done()) co_return true;
    if (timed_out_) throw HttpError(408, "the request's body did not come in time", "timeout");
    if (at_end_ || is_closed_) co_return false;
    if (input_.size() >= most_ahead) throw HttpError(400, "the body's chunks are not HTTP/1.1");
    co_await wait();
  }
}

asio::awaitable<bool> Connection::serve_one() {
  RequestParser parser(site_.limits);
  const Route* route = nullptr;
  std::exception_ptr refusal;
  bool is_whole = false;  // the request was read to its end: the connection can go on behind it
  try {
    if (!co_await read_head(parser)) co_return false;
    Request& request = parser.request();
    request.received = Clock::now();
    sent_before_ = transport_->written();
    request.peer = peer_;
    request.id = request_id(request);
    parser.limit_body(site_.limits.body_bytes);
    if (!(request.method == "OPTIONS" && request.fields.find("access-control-request-method") != nullptr)) route = &admit(site_, request);
    if (parser.expects_continue() && input_.empty() && !parser.is_done()) {
      static constexpr std::array<std::string_view, 1> go_on{"HTTP/1.1 100 Continue\r\n\r\n"};
      if (!co_await write(go_on)) co_return false;
    }
    if (!co_await read_body(parser)) co_return false;
    is_whole = true;
  } catch (...) {
    refusal = std::current_exception();
  }

  if (!refusal && route == nullptr) {  // a browser's question whether a page may ask
    Response preflight{.status = 204, .content_type = {}};
    try {
      check_origin({.hosts = site_.access.hosts, .origins = site_.access.origins}, parser.request());
    } catch (const HttpError& error) {
      preflight = error_response(site_.dialect_of(parser.request().target.path), error);
    }
    co_return co_await send(std::move(preflight), parser.request(), parser.request().keep_alive && !draining_);
  }
  if (!refusal) {
    auto exchange = std::make_shared<Exchange>(std::move(parser.request()), site_.limits.unsent_bytes, hooks());
    co_return co_await answer(*route, std::move(exchange));
  }

  Request& request = parser.request();
  if (request.id.empty()) request.id = new_request_id();
  if (request.received == Clock::time_point()) request.received = Clock::now();
  // A short body that was not asked for is skipped; behind a longer one the connection is closed.
  if (parser.has_head() && !is_whole && !timed_out_ && !parser.expects_continue() &&
      parser.content_length().value_or(most_dropped + 1) <= most_dropped) {
    try {
      parser.limit_body(most_dropped);
      parser.drop_body();
      is_whole = co_await read_body(parser);
    } catch (const HttpError&) {
      is_whole = false;
    }
  }
  const bool keep_alive = is_whole && request.keep_alive && !draining_ && !timed_out_;
  const Dialect& dialect = parser.has_head() ? dialect_of(site_, request) : site_.dialect_of(request.target.path);
  Response response = error_response(dialect, refusal);
  const int status = response.status;
  const bool sent = co_await send(std::move(response), request, keep_alive);
  report(request, route, status, false);
  if (!keep_alive && !at_end_) co_await linger();
  co_return sent&& keep_alive;
}

asio::awaitable<bool> Connection::answer(const Route& route, std::shared_ptr<Exchange> exchange) {
  exchange_ = exchange;
  if (at_end_) exchange->cancel();
  enter(Phase::answer, site_.limits.answer_time);
  dispatch_(route.place, [exchange, &route, &site = site_] {
    try {
      if (route.place == Place::here || !exchange->is_cancelled()) route.handler(exchange);
    } catch (...) {
      exchange->answer(error_response(site, *route.dialect, exchange->request(), std::current_exception()));
    }
  });

  Exchange::Output output = exchange->take();
  while (output.empty() && !at_end_ && !is_closed_ && !timed_out_) {
    co_await wait();
    output = exchange->take();
  }
  const Request& request = exchange->request();
  const bool keep_alive = request.keep_alive && !draining_ && !timed_out_ && !at_end_;
  bool goes_on = false;
  int status = 499;
  bool broken = true;
  if (output.empty() && timed_out_) {
    exchange->cancel();
    Response late = error_response(*route.dialect, HttpError(504, "the answer did not come in time", "timeout"));
    status = late.status;
    broken = !co_await send(std::move(late), request, false);
  } else if (output.whole) {
    status = output.whole->status;
    goes_on = co_await send(std::move(*output.whole), request, keep_alive);
    broken = !goes_on;
  } else if (output.head) {
    status = output.head->first.status;
    goes_on = co_await stream(*exchange, std::move(output), keep_alive);
    broken = !goes_on;
  }
  exchange->cancel();
  report(request, &route, status, broken, exchange->endpoint());
  exchange_.reset();
  co_return goes_on&& keep_alive;
}

Exchange::Hooks Connection::hooks() const {
  const auto wake = [self = std::weak_ptr(std::const_pointer_cast<Connection>(shared_from_this())), context = context_] {
    asio::post(*context, [self] {
      if (const auto living = self.lock()) living->wake();
    });
  };
  return {.wake = wake, .on_worker = [dispatch = dispatch_](std::function<void()> work) { dispatch(Place::worker, std::move(work)); }};
}

Response Connection::decorated(Response response, const Request& request) const {
  response.fields.add("X-Request-Id", request.id);
  for (const Fields::Field& field : cors_fields(site_.access, request)) response.fields.add(field.name, field.value);
  return response;
}

void Connection::report(const Request& request, const Route* route, int status, bool broken, std::string endpoint) {
  if (!site_.on_finished) return;
  const std::chrono::duration<double> seconds = Clock::now() - request.received;
  site_.on_finished({.request = request,
                     .route = route,
                     .status = status,
                     .seconds = seconds.count(),
                     .received = request.body.size(),
                     .sent = transport_->written() - sent_before_,
                     .endpoint = std::move(endpoint),
                     .broken = broken});
}

asio::awaitable<bool> Connection::write(std::span<const std::string_view> pieces) {
  written_before_ = transport_->written();
  enter(Phase::write, site_.limits.write_time);
  co_return co_await transport_->write(pieces);
}

asio::awaitable<bool> Connection::send(Response response, const Request& request, bool keep_alive) {
  response = decorated(std::move(response), request);
  const std::string head = head_of(response, response.body.size(), keep_alive);
  const bool has_body = request.method != "HEAD" && response.status != 204 && response.status != 304;
  const std::array<std::string_view, 2> pieces{head, has_body ? std::string_view(response.body) : std::string_view()};
  co_return co_await write(pieces);
}

asio::awaitable<bool> Connection::stream(Exchange& exchange, Exchange::Output output, bool keep_alive) {
  // HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer.
  const Request& request = exchange.request();
  const bool in_chunks = !request.is_http_1_0;
  const StreamKind kind = output.head->second;
  std::string bytes = head_of(decorated(std::move(output.head->first), request), std::nullopt, keep_alive && in_chunks);
  if (!in_chunks) bytes.erase(bytes.find("Transfer-Encoding: chunked\r\n"), std::string_view("Transfer-Encoding: chunked\r\n").size());
  while (true) {
    for (const std::string& piece : output.pieces) {
      if (in_chunks) bytes += fmt::format("{:x}\r\n", piece.size());
      bytes += piece;
      if (in_chunks) bytes += "\r\n";
    }
    if (output.ended && in_chunks) bytes += "0\r\n\r\n";
    const std::array<std::string_view, 1> pieces{bytes};
    if (!bytes.empty() && !co_await write(pieces)) co_return false;
    if (output.aborted) co_return false;
    if (output.ended) co_return in_chunks;
    bytes.clear();

    enter(Phase::answer, kind == StreamKind::events ? site_.limits.keep_alive_comment : site_.limits.answer_time);
    output = exchange.take();
    while (output.empty() && !at_end_ && !is_closed_ && !timed_out_) {
      co_await wait();
      output = exchange.take();
    }
    if (output.empty() && (at_end_ || is_closed_)) co_return false;
    if (output.empty() && timed_out_) {
      if (kind != StreamKind::events) co_return false;
      timed_out_ = false;
      output.pieces.emplace_back(": keep-alive\n\n");
    }
    timed_out_ = false;
  }
}

asio::awaitable<void> Connection::linger() {
  // Closing at once would make the system tell the client of a broken connection before it has read the answer.
  transport_->finish();
  enter(Phase::linger, site_.limits.linger_time);
  while (!at_end_ && !is_closed_) {
    input_.clear();
    room_.cancel();
    co_await wait();
  }
}

}  // namespace accelerate::http

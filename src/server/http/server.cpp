#include "server/http/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <set>
#include <thread>

#include "base/file_descriptor.h"
#include "ipfs_accelerate/error.h"
#include "server/http/connection.h"

namespace accelerate::http {
namespace {

using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds sweep_time{50};  ///< between looks at the deadlines
constexpr std::size_t other_files = 48;              ///< that the process may open beside connections

/// "127.0.0.1", "::1" or "unix".
std::string peer_of(Socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(socket.native_handle(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return "gone";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address.ss_family == AF_INET) bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  if (address.ss_family == AF_INET6) bytes = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (bytes == nullptr) return "unix";
  return inet_ntop(address.ss_family, bytes, text.data(), text.size()) == nullptr ? "gone" : text.data();
}

void set_options(Socket& socket) {
  const int on = 1;
  setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/// As many connections as were asked for, or as the limit of open files leaves, which is raised as far as may be.
std::size_t most_connections(std::size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, std::max<rlim_t>(limit.rlim_cur, wanted + other_files));
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  const auto files = static_cast<std::size_t>(limit.rlim_cur);
  return std::min(wanted, files > other_files + 4 ? files - other_files : std::size_t{4});
}

asio::ip::tcp::endpoint endpoint_of(const std::string& host, std::uint16_t port) {
  asio::io_context context;
  asio::ip::tcp::resolver resolver(context);
  error_code error;
  const auto found = resolver.resolve(host, std::to_string(port), asio::ip::tcp::resolver::passive, error);
  if (error || found.empty())
    throw Error(ErrorKind::invalid_argument, fmt::format("host is '{}', expected an address of this machine: {}", host, error.message()));
  for (const auto& entry : found)
    if (entry.endpoint().address().is_v4()) return entry.endpoint();
  return found.begin()->endpoint();
}

/// Removes a socket that a server left behind. Throws invalid_argument where something else has that name, or a server listens there.
void remove_stale(const std::filesystem::path& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) throw Error(ErrorKind::invalid_argument, fmt::format("{}: it is there and is no socket", path.string()));
  asio::io_context context;
  asio::local::stream_protocol::socket probe(context);
  error_code error;
  probe.connect(asio::local::stream_protocol::endpoint(path.string()), error);
  if (!error) throw Error(ErrorKind::invalid_argument, fmt::format("{}: another server listens there", path.string()));
  std::filesystem::remove(path);
}

std::unique_ptr<asio::ssl::context> tls_context(const TlsFiles& files) {
  if (files.certificate.empty() && files.key.empty()) return nullptr;
  if (files.certificate.empty() || files.key.empty())
    throw Error(ErrorKind::invalid_argument, "TLS takes both a certificate and its key (--tls-cert, --tls-key)");
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 | asio::ssl::context::no_sslv3 |
                       asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  error_code error;
  context->use_certificate_chain_file(files.certificate.string(), error);
  if (error)
    throw Error(ErrorKind::invalid_file, fmt::format("{}: no certificate in PEM: {}", files.certificate.string(), error.message()));
  context->use_private_key_file(files.key.string(), asio::ssl::context::pem, error);
  if (error)
    throw Error(ErrorKind::invalid_file, fmt::format("{}: not the certificate's key in PEM: {}", files.key.string(), error.message()));
  return context;
}

/// Sent to whom there is no room for; never waits.
constexpr std::string_view no_room =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 68\r\nRetry-After: 1\r\nConnection: "
    "close\r\n\r\n"
    "{\"error\":\"the server has as many connections as it takes; try later\"}";

/// A thread's own share of the connections.
struct Loop {
  std::shared_ptr<asio::io_context> context = std::make_shared<asio::io_context>(1);
  asio::executor_work_guard<asio::io_context::executor_type> work{context->get_executor()};
  asio::steady_timer sweep{*context};
  std::set<std::shared_ptr<Connection>> connections = {};
};

}  // namespace

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

class Server::State : public std::enable_shared_from_this<Server::State> {
 public:
  State(const ServerOptions& options, Site site)
      : options_(options),
        site_(std::move(site)),
        tls_(tls_context(options.tls)),
        most_connections_(most_connections(options.most_connections)),
        loops_(static_cast<std::size_t>(std::max(options.io_threads, 1))),
        acceptor_(*loops_.front().context),
        accept_pause_(*loops_.front().context),
        drain_timer_(*loops_.front().context),
        signals_(*loops_.front().context),
        spare_(std::in_place, ::open("/dev/null", O_RDONLY | O_CLOEXEC)),
        workers_(static_cast<std::size_t>(std::max(options.worker_threads, 1))),
        slow_(static_cast<std::size_t>(std::max(options.slow_threads, 1))) {
    dispatch_ = [this](Place place, std::function<void()> work) {
      if (place == Place::here) return work();
      asio::post(place == Place::worker ? workers_ : slow_, std::move(work));
    };
    // Before anybody can know that the server is there: a signal that comes with the first request drains, and does not kill.
    if (options_.stop_on_signals) {
      signals_.add(SIGINT);
      signals_.add(SIGTERM);
      wait_for_signal();
    }
    listen();
  }

  ~State() {
    workers_.stop();
    slow_.stop();
    workers_.join();
    slow_.join();
    if (!options_.unix_socket.empty()) ::unlink(options_.unix_socket.c_str());
  }

  std::uint16_t port() const { return port_; }

  void run() {
    asio::co_spawn(*loops_.front().context, [this] { return accept_all(); }, asio::detached);
    for (Loop& loop : loops_) sweep(loop);
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < loops_.size(); ++i) threads.emplace_back([this, i] { loops_[i].context->run(); });
    loops_.front().context->run();
    threads.clear();
    workers_.stop();
    slow_.stop();
    workers_.join();
    slow_.join();
  }

  void stop() {
    asio::post(*loops_.front().context, [this] { stop_here(); });
  }

  bool is_draining() const { return draining_; }

  ConnectionCounts counts() const { return {.accepted = accepted_, .refused = refused_, .open = open_}; }

 private:
  void listen() {
    const bool is_local = !options_.unix_socket.empty();
    Protocol::endpoint endpoint;
    if (is_local) {
      if (options_.unix_socket.string().size() >= sizeof(sockaddr_un::sun_path))
        throw Error(ErrorKind::invalid_argument, fmt::format("{}: the name is too long for a socket", options_.unix_socket.string()));
      remove_stale(options_.unix_socket);
      endpoint = asio::local::stream_protocol::endpoint(options_.unix_socket.string());
    } else {
      endpoint = endpoint_of(options_.host, options_.port);
    }
    const std::string place = is_local ? options_.unix_socket.string() : fmt::format("{}:{}", options_.host, options_.port);
    try {
      acceptor_.open(endpoint.protocol());
      if (!is_local) acceptor_.set_option(asio::socket_base::reuse_address(true));
      const mode_t before = ::umask(0077);  // a socket of the file system is for its owner alone
      error_code error;
      acceptor_.bind(endpoint, error);
      ::umask(before);
      if (error) throw boost::system::system_error(error);
      acceptor_.listen(4096);
      acceptor_.non_blocking(true);
    } catch (const boost::system::system_error& error) {
      throw Error(ErrorKind::io, fmt::format("{}: cannot listen there: {}", place, error.code().message()));
    }
    if (is_local) return;
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    getsockname(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&bound), &size);
    port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                              : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
  }

  asio::awaitable<void> accept_all() {
    std::size_t next = 0;
    while (!draining_) {
      Loop& loop = loops_[next++ % loops_.size()];
      error_code error;
      Socket socket = co_await acceptor_.async_accept(*loop.context, asio::redirect_error(asio::use_awaitable, error));
      if (draining_) break;
      if (error == asio::error::no_descriptors || error == asio::error::no_memory ||
          error == error_code(ENFILE, boost::system::system_category())) {
        shed();
        accept_pause_.expires_after(std::chrono::milliseconds(20));
        co_await accept_pause_.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      if (error) continue;
      ++accepted_;
      if (open_ >= most_connections_) {
        refuse(socket);
        continue;
      }
      ++open_;
      set_options(socket);
      asio::post(*loop.context, [this, &loop, taken = std::make_shared<Socket>(std::move(socket))] { start(loop, std::move(*taken)); });
    }
  }

  void start(Loop& loop, Socket socket) {
    std::string peer = peer_of(socket);
    std::unique_ptr<Transport> transport = tls_ ? tls_transport(std::move(socket), *tls_) : plain_transport(std::move(socket));
    const auto connection = std::make_shared<Connection>(std::move(transport), loop.context, site_, dispatch_, std::move(peer));
    loop.connections.insert(connection);
    connection->start([this, &loop](Connection& closed) {
      loop.connections.erase(closed.shared_from_this());
      --open_;
      if (draining_) end_if_done(loop);
    });
    if (draining_) connection->drain();
  }

  void refuse(Socket& socket) {
    ++refused_;
    if (!tls_) (void)::send(socket.native_handle(), no_room.data(), no_room.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    error_code ignored;
    socket.shutdown(Socket::shutdown_send, ignored);
  }

  /// Without a file to accept with: connections that nobody uses give theirs, else one waiting client is turned away.
  void shed() {
    ++refused_;
    bool freed = false;
    for (Loop& loop : loops_)
      asio::post(*loop.context, [&loop] {
        const auto idle = std::ranges::find_if(loop.connections, [](const auto& each) { return each->is_idle(); });
        if (idle != loop.connections.end()) (*idle)->cut();
      });
    freed = open_ > 0;
    if (freed || !spare_) return;
    spare_.reset();
    error_code error;
    Socket socket(*loops_.front().context);
    acceptor_.accept(socket, error);
    if (!error) refuse(socket);
    socket.close(error);
    spare_.emplace(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }

  void sweep(Loop& loop) {
    loop.sweep.expires_after(sweep_time);
    loop.sweep.async_wait([this, &loop](error_code error) {
      if (error) return;
      const Clock::time_point now = Clock::now();
      for (const auto& connection : loop.connections) connection->check_deadline(now);
      sweep(loop);
    });
  }

  void wait_for_signal() {
    signals_.async_wait([this](error_code error, int) {
      if (error) return;
      stop_here();
      wait_for_signal();
    });
  }

  void stop_here() {
    const bool again = draining_.exchange(true);
    error_code ignored;
    acceptor_.close(ignored);
    for (Loop& loop : loops_)
      asio::post(*loop.context, [this, &loop, again] {
        const std::vector<std::shared_ptr<Connection>> all(loop.connections.begin(), loop.connections.end());
        for (const auto& connection : all) again ? connection->cut() : connection->drain();
        end_if_done(loop);
      });
    if (again) return;
    drain_timer_.expires_after(std::chrono::duration_cast<Clock::duration>(options_.drain_time));
    drain_timer_.async_wait([this](error_code error) {
      if (!error) stop_here();
    });
  }

  void end_if_done(Loop& loop) {
    if (!loop.connections.empty()) return;
    loop.sweep.cancel();
    loop.work.reset();
    if (open_ == 0)
      asio::post(*loops_.front().context, [this] {
        drain_timer_.cancel();
        signals_.cancel();
      });
  }

  const ServerOptions options_;
  const Site site_;
  std::unique_ptr<asio::ssl::context> tls_;
  std::size_t most_connections_;
  std::vector<Loop> loops_;
  Acceptor acceptor_;
  asio::steady_timer accept_pause_;
  asio::steady_timer drain_timer_;
  asio::signal_set signals_;
  std::optional<FileDescriptor> spare_;  ///< a file to give up, so that a client can be turned away without one
  asio::thread_pool workers_;
  asio::thread_pool slow_;
  Dispatch dispatch_;
  std::uint16_t port_ = 0;
  std::atomic<bool> draining_ = false;
  std::atomic<std::uint64_t> accepted_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  std::atomic<std::uint64_t> open_ = 0;
};

Server::Server(const ServerOptions& options, Site site) : state_(std::make_shared<State>(options, std::move(site))) {}

Server::~Server() = default;

std::uint16_t Server::port() const { return state_->port(); }

void Server::run() { state_->run(); }

void Server::stop() { state_->stop(); }

bool Server::is_draining() const { return state_->is_draining(); }

ConnectionCounts Server::counts() const { return state_->counts(); }

}  // namespace accelerate::http

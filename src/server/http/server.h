#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/http/site.h"

namespace accelerate::http {

/// A certificate and its key, as files in PEM.
struct TlsFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;               ///< 0: one that is free
  std::filesystem::path unix_socket = {};  ///< listens there instead of at host and port, where it is named
  TlsFiles tls = {};                       ///< empty: no TLS
  std::size_t most_connections = 16384;    ///< more are answered with 503; the system's limit of open files lowers it
  int io_threads = 1;
  int worker_threads = 2;
  int slow_threads = 4;
  std::chrono::duration<double> drain_time = std::chrono::seconds(30);  ///< in which requests may end when the server stops
  bool stop_on_signals = false;                                         ///< SIGINT and SIGTERM: once to drain, twice to end now
};

/// How many connections there are and were.
struct ConnectionCounts {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;  ///< because there were too many, or no file was left to open
  std::uint64_t open = 0;     ///< now
};

/// Whether `host` is a name or an address of this machine that no other machine reaches.
bool is_loopback(const std::string& host);

/// Listens, and answers as a site says.
class Server {
 public:
  /// Binds. Throws invalid_argument for a host that is no address of this machine, io where the system refuses, and invalid_file for
  /// a certificate or key that is not one.
  Server(const ServerOptions& options, Site site);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;

  /// Serves until stop() and until the last answer is sent, or drain_time is over.
  void run();

  /// Takes no more connections and lets run() return. Any thread may call it, and a second time: then nothing is waited for.
  void stop();

  bool is_draining() const;
  ConnectionCounts counts() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace accelerate::http

// Asks a server, one request at a time.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace accelerate::http {

/// Where a server is and how it is asked.
struct ClientOptions {
  std::string server = "http://127.0.0.1:8000";                   ///< "http://HOST:PORT", "https://HOST:PORT" or "unix:/path"
  std::string key = {};                                           ///< sent as a bearer token, where it is not empty
  std::filesystem::path ca_file = {};                             ///< certificates to trust, in PEM; empty: those of the system
  std::chrono::duration<double> time = std::chrono::minutes(10);  ///< in which the answer must have come
};

struct ClientResponse {
  int status = 0;
  std::string body = {};
};

/// The answer to one request, whose body is JSON where it is not empty. Throws invalid_argument for a `server` that is not written so, io
/// where there is none or its answer is not HTTP, and timed_out.
ClientResponse ask(const ClientOptions& options, std::string_view method, std::string_view target, std::string_view body = {});

/// `text` with whatever may not stand in a segment of a path as %XX.
std::string percent_encoded(std::string_view text);

}  // namespace accelerate::http

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ipfs_accelerate/endpoints.h"
#include "server/http/server.h"
#include "server/http/site.h"

namespace accelerate::server {

class Metrics;

/// What the handlers of all dialects share. Outlives the endpoints' last callback.
struct Service {
  Endpoints& endpoints;
  Metrics& metrics;
  std::string version;
  std::function<void(const http::Request& request, const std::string& message)> on_fault = {};
  std::function<bool()> is_draining = [] { return false; };
  std::function<http::ConnectionCounts()> connections = [] { return http::ConnectionCounts(); };
  std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
};

using SharedService = std::shared_ptr<const Service>;

/// All routes of the server.
std::vector<http::Route> all_routes(const SharedService& service);

/// The dialect of a path that has no route.
const http::Dialect& dialect_of_path(std::string_view path);

}  // namespace accelerate::server

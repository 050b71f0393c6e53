// Which handler answers which request: a table, so that a test can walk it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/exchange.h"

namespace accelerate::http {

/// Who may call a route.
enum class Access : unsigned char {
  open,   ///< everybody
  key,    ///< who has a key, where keys are asked for
  admin,  ///< who has the admin key, where keys are asked for
};

/// Where a handler runs.
enum class Place : unsigned char {
  here,    ///< on the connection's own thread: it neither waits nor computes
  worker,  ///< on one of the workers: it does not wait
  slow,    ///< on threads for what waits: loading, measuring
};

/// A family of routes that clients of one kind speak, with its own way to say what went wrong.
struct Dialect {
  std::string_view name;                      ///< as /metrics has it: "openai"
  Response (*error)(const HttpError& error);  ///< status, body and content type
};

struct Route {
  std::string_view method;   ///< "GET" answers HEAD too
  std::string_view pattern;  ///< "/v1/models/{id...}": a segment in braces is a parameter, with dots the rest of the path;
                             ///< "{id}:drain" is one that ends so
  Access access = Access::key;
  Place place = Place::worker;
  const Dialect* dialect = nullptr;
  std::string_view summary = {};   ///< one sentence, for /openapi.json
  std::string_view request = {};   ///< the JSON schema of the body; empty: there is none
  std::string_view response = {};  ///< the JSON schema of the answer; empty: whatever the summary says
  Handler handler = {};
};

/// A route, and what the path gave for its parameters.
struct Match {
  const Route* route = nullptr;  ///< none: the path is unknown, or
  std::string allowed = {};      ///< the methods that it is known with
  std::vector<std::pair<std::string, std::string>> parameters = {};
};

class Router {
 public:
  /// Throws std::logic_error where two routes have the same method and pattern.
  explicit Router(std::vector<Route> routes);

  const std::vector<Route>& routes() const { return routes_; }

  /// The first route that fits; one without parameters goes before one with.
  Match match(std::string_view method, const Target& target) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace accelerate::http

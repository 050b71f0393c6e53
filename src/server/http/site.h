// What a server answers, apart from how bytes come and go.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include "server/http/access.h"
#include "server/http/limits.h"
#include "server/http/router.h"

namespace accelerate::http {

/// What became of a request, for logs and metrics.
struct Finished {
  const Request& request;
  const Route* route;         ///< none where no route fitted
  int status = 0;             ///< 499: the client left first
  double seconds = 0;         ///< from its fields to the end of the answer
  std::size_t received = 0;   ///< bytes of its body, inflated
  std::size_t sent = 0;       ///< bytes of the answer with its head
  std::string endpoint = {};  ///< that answered, where one did
  bool broken = false;        ///< the answer did not come to its end
};

struct Site {
  Router router;
  AccessRules access = {};
  Limits limits = {};
  const Dialect& (*dialect_of)(std::string_view path) = nullptr;                          ///< of a path without a route
  std::function<void(const Finished& finished)> on_finished = {};                         ///< on a connection's thread
  std::function<void(const Request& request, const std::string& message)> on_fault = {};  ///< of an error that is the server's own
};

/// The answer to an error, as the dialect says it, with Retry-After where there is a time for it.
Response error_response(const Dialect& dialect, const HttpError& error);

/// The answer to whatever was thrown.
Response error_response(const Dialect& dialect, const std::exception_ptr& error);

/// The same, and the fault is reported where it is the server's.
Response error_response(const Site& site, const Dialect& dialect, const Request& request, const std::exception_ptr& error);

/// The route that answers the request, whose parameters are filled in. Throws HttpError where nothing may or can.
const Route& admit(const Site& site, Request& request);

/// The dialect in which the request is to be answered, whether or not a route fits.
const Dialect& dialect_of(const Site& site, const Request& request);

}  // namespace accelerate::http

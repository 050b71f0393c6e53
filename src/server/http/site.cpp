#include "server/http/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"

namespace accelerate::http {

Response error_response(const Dialect& dialect, const HttpError& error) {
  Response response = dialect.error(error);
  if (error.retry_after_seconds)
    response.fields.add("Retry-After", fmt::format("{}", std::max(1L, std::lround(std::ceil(*error.retry_after_seconds)))));
  if (error.status() == 401) response.fields.add("WWW-Authenticate", "Bearer");
  return response;
}

Response error_response(const Dialect& dialect, const std::exception_ptr& error) { return error_response(dialect, http_error_of(error)); }

Response error_response(const Site& site, const Dialect& dialect, const Request& request, const std::exception_ptr& error) {
  const HttpError known = http_error_of(error);
  if (known.status() == 500 && site.on_fault) site.on_fault(request, message_of(error));
  return error_response(dialect, known);
}

const Route& admit(const Site& site, Request& request) {
  check_origin(site.access, request);
  Match match = site.router.match(request.method, request.target);
  if (match.route == nullptr) {
    // An unknown path needs the key too: what there is, is nobody else's business.
    static const Route unknown{.method = "", .pattern = "", .access = Access::key};
    check_key(site.access, request, unknown);
    if (match.allowed.empty()) throw HttpError(404, fmt::format("there is no {} here", in_quotes(request.target.path)), "unknown_url");
    throw HttpError(405, fmt::format("{} takes {}, not {}", in_quotes(request.target.path), match.allowed, in_quotes(request.method)),
                    "method_not_allowed");
  }
  check_key(site.access, request, *match.route);
  request.parameters = std::move(match.parameters);
  request.is_admin = is_admin(site.access, request);
  return *match.route;
}

const Dialect& dialect_of(const Site& site, const Request& request) {
  const Match match = site.router.match(request.method, request.target);
  return match.route != nullptr && match.route->dialect != nullptr ? *match.route->dialect : site.dialect_of(request.target.path);
}

}  // namespace accelerate::http

#include "server/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "base/json.h"
#include "server/body.h"

namespace accelerate::server {
namespace {

std::string now() {
  const auto time = std::chrono::system_clock::now();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)), milliseconds);
}

}  // namespace

void Log::write(std::string text) {
  text += '\n';
  const std::lock_guard lock(mutex_);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void Log::request(const http::Finished& finished) {
  if (!requests_) return;
  const http::Request& request = finished.request;
  const double milliseconds = finished.seconds * 1000;
  if (format_ == LogFormat::json) {
    OrderedJson json{{"time", now()},
                     {"level", "info"},
                     {"event", "request"},
                     {"id", request.id},
                     {"peer", request.peer},
                     {"method", request.method},
                     {"path", request.target.path},
                     {"status", finished.status},
                     {"milliseconds", milliseconds},
                     {"received", finished.received},
                     {"sent", finished.sent}};
    if (!finished.endpoint.empty()) json["endpoint"] = finished.endpoint;
    if (finished.route != nullptr) json["dialect"] = finished.route->dialect->name;
    if (finished.broken) json["broken"] = true;
    return write(dump(json));
  }
  const std::string path = in_quotes(request.target.path);
  write(fmt::format("{} {} {} {} {} {:.1f} ms {}{}{}", now(), request.peer, request.method, path.substr(1, path.size() - 2),
                    finished.status, milliseconds, request.id, finished.endpoint.empty() ? "" : " " + finished.endpoint,
                    finished.broken ? " broken" : ""));
}

void Log::fault(const http::Request& request, std::string_view message) {
  if (format_ == LogFormat::json)
    return write(dump({{"time", now()}, {"level", "error"}, {"event", "fault"}, {"id", request.id}, {"message", message}}));
  write(fmt::format("{} error {}: {}", now(), request.id, message));
}

void Log::line(std::string_view level, std::string_view message) {
  if (format_ == LogFormat::json) return write(dump({{"time", now()}, {"level", level}, {"message", message}}));
  write(fmt::format("{} {} {}", now(), level, message));
}

}  // namespace accelerate::server

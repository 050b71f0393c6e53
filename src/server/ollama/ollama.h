// The routes of Ollama's API, /api/…
#pragma once

#include <string>
#include <vector>

#include "server/body.h"
#include "server/service.h"

namespace accelerate::server::ollama {

extern const http::Dialect dialect;

void add_routes(std::vector<http::Route>& routes, const SharedService& service);

/// The endpoint of "model", or of the older "name". Ollama's clients add ":latest", which stands for nothing here.
Endpoint endpoint_of(const Service& service, const Body& body);

/// "2026-01-31T12:00:00.000000Z"
std::string timestamp(std::chrono::system_clock::time_point time);

/// Seconds as whole nanoseconds.
std::int64_t nanoseconds(double seconds);

/// Applies "keep_alive": 0 unloads the model once it is idle. Other values are the server's own (--keep-alive).
bool wants_unload(const Body& body);

// The handlers, a file each.
void embed(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange, bool legacy);
void generate_text(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange);
void chat(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange);
void list_models(const Service& service, http::Exchange& exchange, bool only_loaded);
void show_model(const Service& service, http::Exchange& exchange);

}  // namespace accelerate::server::ollama

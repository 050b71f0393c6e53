// Routes for those who run the server: whether it lives, is ready, and what it does.
#pragma once

#include <vector>

#include "server/service.h"

namespace accelerate::server::operations {

extern const http::Dialect dialect;

void add_routes(std::vector<http::Route>& routes, const SharedService& service);

/// OpenAPI 3.1 of the routes.
std::string openapi(const std::vector<http::Route>& routes, const std::string& version);

}  // namespace accelerate::server::operations

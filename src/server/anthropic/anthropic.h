// The routes of Anthropic's API, /v1/messages.
#pragma once

#include <vector>

#include "server/service.h"

namespace accelerate::server::anthropic {

extern const http::Dialect dialect;

void add_routes(std::vector<http::Route>& routes, const SharedService& service);

}  // namespace accelerate::server::anthropic

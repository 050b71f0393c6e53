// Hugging Face's tasks, each endpoint at a URL of its own, /hf/{endpoint}: clients send every task there, and the endpoint's decides
// what the answer looks like.
#pragma once

#include <vector>

#include "server/service.h"

namespace accelerate::server::huggingface {

extern const http::Dialect dialect;

void add_routes(std::vector<http::Route>& routes, const SharedService& service);

}  // namespace accelerate::server::huggingface

// The routes that order documents by a query: Cohere's and Jina's /rerank, /v1/rerank, /v2/rerank.
#pragma once

#include <vector>

#include "server/service.h"

namespace accelerate::server::rerank {

extern const http::Dialect dialect;

void add_routes(std::vector<http::Route>& routes, const SharedService& service);

}  // namespace accelerate::server::rerank

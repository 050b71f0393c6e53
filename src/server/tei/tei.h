// The routes of text-embeddings-inference: /embed, /predict, …, for the only endpoint, that of ?model= or X-Model, and below
// /tei/{endpoint}/.
#pragma once

#include <vector>

#include "server/body.h"
#include "server/service.h"

namespace accelerate::server::tei {

extern const http::Dialect dialect;

/// Answers a /rerank that has "texts". The model may be named in the body, too.
void rerank(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange, const Body& body);

void add_routes(std::vector<http::Route>& routes, const SharedService& service);

}  // namespace accelerate::server::tei

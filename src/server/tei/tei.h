// The routes of text-embeddings-inference: /embed, /predict, …, for the only endpoint, that of ?model= or X-Model, and below
// /tei/{endpoint}/.
#pragma once

#include <vector>

#include "server/service.h"

namespace accelerate::server::tei {

extern const http::Dialect dialect;

void add_routes(std::vector<http::Route>& routes, const SharedService& service);

}  // namespace accelerate::server::tei

#include "server/anthropic/anthropic.h"
#include "server/framework/framework.h"
#include "server/huggingface/huggingface.h"
#include "server/kserve/kserve.h"
#include "server/native/native.h"
#include "server/ollama/ollama.h"
#include "server/openai/openai.h"
#include "server/operations/operations.h"
#include "server/page/page.h"
#include "server/rerank/rerank.h"
#include "server/service.h"
#include "server/tei/tei.h"

namespace accelerate::server {

std::vector<http::Route> all_routes(const SharedService& service) {
  std::vector<http::Route> routes;
  operations::add_routes(routes, service);
  openai::add_routes(routes, service);
  anthropic::add_routes(routes, service);
  rerank::add_routes(routes, service);
  ollama::add_routes(routes, service);
  native::add_routes(routes, service);
  kserve::add_routes(routes, service);
  tei::add_routes(routes, service);
  huggingface::add_routes(routes, service);
  framework::add_routes(routes, service);
  add_page_routes(routes);

  // The description tells of all routes, itself among them.
  const auto description = std::make_shared<std::string>();
  routes.push_back({.method = "GET",
                    .pattern = "/openapi.json",
                    .place = http::Place::here,
                    .dialect = &operations::dialect,
                    .summary = "This description.",
                    .handler = [description](const auto& exchange) { exchange->answer({.body = *description}); }});
  *description = operations::openapi(routes, service->version);
  return routes;
}

const http::Dialect& dialect_of_path(std::string_view path) {
  if (path.starts_with("/api/")) return ollama::dialect;
  if (path == "/v2" || path.starts_with("/v2/")) return kserve::dialect;
  if (path.starts_with("/tei/")) return tei::dialect;
  if (path.starts_with("/hf/")) return huggingface::dialect;
  if (path.starts_with("/accelerate/")) return native::dialect;
  if (path.starts_with("/v1/messages")) return anthropic::dialect;
  if (path.starts_with("/v1/")) return openai::dialect;
  return operations::dialect;
}

}  // namespace accelerate::server

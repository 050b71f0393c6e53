#include "server/operations/operations.h"

#include <chrono>
#include <mutex>

#include "server/body.h"
#include "server/metrics.h"
#include "server/submit.h"

namespace accelerate::server::operations {
namespace {

using std::chrono::duration;

/// What keeps the server from answering as it should; nothing where it is ready.
OrderedJson missing(const Service& service) {
  OrderedJson list = OrderedJson::array();
  if (service.is_draining()) list.push_back("the server is stopping");
  const std::vector<Endpoint> endpoints = service.endpoints.list();
  if (endpoints.empty()) list.push_back("there are no endpoints");
  for (const Endpoint& endpoint : endpoints) {
    const EndpointStatus status = endpoint.status();
    if (status.state == EndpointState::loading || status.state == EndpointState::draining)
      list.push_back(status.name + " is " + std::string(name_of(status.state)));
    if (status.state == EndpointState::failed) list.push_back(status.name + " failed: " + status.reason);
  }
  return list;
}

void health(const Service& service, http::Exchange& exchange) {
  const double unix_time = duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  exchange.answer({.body = dump({{"status", service.is_draining() ? "stopping" : "ok"}, {"unix", unix_time}})});
}

void ready(const Service& service, http::Exchange& exchange) {
  const OrderedJson list = missing(service);
  exchange.answer({.status = list.empty() ? 200 : 503, .body = dump({{"ready", list.empty()}, {"missing", list}})});
}

/// One real inference at each loaded endpoint, one after the other; unloaded ones are left alone.
void work(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange) {
  OrderedJson results = OrderedJson::array();
  bool all_work = true;
  for (const Endpoint& endpoint : service->endpoints.list()) {
    const EndpointStatus status = endpoint.status();
    OrderedJson result{{"endpoint", status.name}, {"state", name_of(status.state)}};
    if (status.state == EndpointState::ready) {
      CallOptions options = call_options(*exchange);
      if (!options.deadline) options.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      const auto begin = std::chrono::steady_clock::now();
      try {
        if (status.task == "generate")
          endpoint.wait(GenerateRequest{.prompt = std::string("a"), .options = {.max_new_tokens = 1}}, options).take<GenerateRequest>();
        else if (status.task == "embed")
          endpoint.wait(EmbedRequest{.texts = {"a"}}, options).take<EmbedRequest>();
        else
          (void)endpoint.tokenize({"a"});
        result["ok"] = true;
      } catch (const std::exception& error) {
        result["ok"] = false;
        result["error"] = error.what();
        all_work = false;
      }
      result["seconds"] = duration<double>(std::chrono::steady_clock::now() - begin).count();
    }
    results.push_back(std::move(result));
  }
  exchange->answer({.status = all_work ? 200 : 503, .body = dump({{"working", all_work}, {"endpoints", results}})});
}

}  // namespace

const http::Dialect dialect{.name = "operations", .error = [](const http::HttpError& error) {
                              return http::Response{.status = error.status(), .body = dump({{"error", error.what()}})};
                            }};

void add_routes(std::vector<http::Route>& routes, const SharedService& service) {
  using http::Access;
  using http::Place;
  const auto add = [&](http::Route route) {
    route.dialect = &dialect;
    routes.push_back(std::move(route));
  };
  add({.method = "GET",
       .pattern = "/health",
       .access = Access::open,
       .place = Place::here,
       .summary = "Whether the process answers. The one route that never asks for a key.",
       .handler = [service](const auto& exchange) { health(*service, *exchange); }});
  add({.method = "GET",
       .pattern = "/v1/health",
       .place = Place::here,
       .summary = "The same as /health.",
       .handler = [service](const auto& exchange) { health(*service, *exchange); }});
  add({.method = "GET",
       .pattern = "/ready",
       .place = Place::here,
       .summary = "Whether every endpoint can be asked; 503 with what is missing.",
       .handler = [service](const auto& exchange) { ready(*service, *exchange); }});
  add({.method = "GET",
       .pattern = "/health/work",
       .place = Place::slow,
       .summary = "Runs a real, tiny inference at each loaded endpoint.",
       .handler = [service](const auto& exchange) { work(service, exchange); }});
  add({.method = "GET",
       .pattern = "/metrics",
       .summary = "Counts and times in Prometheus's text format.",
       .handler = [service](const auto& exchange) {
         exchange->answer({.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = service->metrics.text(*service)});
       }});
}

}  // namespace accelerate::server::operations

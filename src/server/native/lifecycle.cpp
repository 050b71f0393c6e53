#include <chrono>

#include "server/endpoint_of.h"
#include "server/native/native.h"

namespace accelerate::server::native {
namespace {

constexpr double longest_drain = 3600;  // seconds

Endpoint asked_for(const Service& service, const http::Exchange& exchange) {
  return endpoint_named(service, exchange.request().parameter("name"));
}

void answer_status(http::Exchange& exchange, const Endpoint& endpoint, int status = 200) {
  exchange.note_endpoint(endpoint.name());
  exchange.answer({.status = status, .body = dump(endpoint_json(endpoint.status()))});
}

}  // namespace

void list_endpoints(const Service& service, http::Exchange& exchange) {
  OrderedJson endpoints = OrderedJson::array();
  for (const Endpoint& endpoint : service.endpoints.list()) endpoints.push_back(endpoint_json(endpoint.status()));
  exchange.answer({.body = dump({{"endpoints", endpoints}})});
}

void show_endpoint(const Service& service, http::Exchange& exchange) { answer_status(exchange, asked_for(service, exchange)); }

void add_endpoint(const Service& service, http::Exchange& exchange) {
  const Body body = Body::parse(exchange.take_body());
  EndpointOptions options{.folder = body.required_text("folder")};
  options.aliases = body.texts("aliases").value_or(std::vector<std::string>{});
  options.task = body.text("task").value_or("");
  options.load.backend = body.text("backend").value_or(options.load.backend);
  options.load.precision = body.text("precision").value_or(options.load.precision);
  options.load.threads = static_cast<int>(body.integer("threads", 0, 4096).value_or(0));
  options.load.prefer = body.text("prefer").value_or(options.load.prefer);
  options.load.accuracy = body.number("accuracy", 0, 1).value_or(options.load.accuracy);
  if (const auto seconds = body.number("keep_alive_seconds", -1, 1e9)) options.keep_alive = std::chrono::duration<double>(*seconds);
  const std::string name = body.required_text("name");
  answer_status(exchange, server::add_endpoint(service, name, options, body.boolean("load").value_or(true)), 201);
}

void remove_endpoint(const Service& service, http::Exchange& exchange) {
  const Endpoint endpoint = asked_for(service, exchange);
  service.endpoints.remove(endpoint.name());
  exchange.answer({.body = dump({{"name", endpoint.name()}, {"state", name_of(EndpointState::removed)}})});
}

void load_endpoint(const Service& service, http::Exchange& exchange) {
  const Endpoint endpoint = asked_for(service, exchange);
  service.endpoints.resume(endpoint.name());
  endpoint.init();
  answer_status(exchange, endpoint);
}

void unload_endpoint(const Service& service, http::Exchange& exchange) {
  const Endpoint endpoint = asked_for(service, exchange);
  if (!service.endpoints.unload(endpoint.name()))
    throw http::HttpError(409, "endpoint " + endpoint.name() + " has work, or shares its model with one that has", "busy");
  answer_status(exchange, endpoint);
}

void drain_endpoint(const Service& service, http::Exchange& exchange) {
  const Endpoint endpoint = asked_for(service, exchange);
  const Body body = Body::parse_optional(exchange.take_body());
  const double seconds = body.number("seconds", 0, longest_drain).value_or(30);
  service.endpoints.drain(endpoint.name(), std::chrono::duration<double>(seconds));
  answer_status(exchange, endpoint);
}

void resume_endpoint(const Service& service, http::Exchange& exchange) {
  const Endpoint endpoint = asked_for(service, exchange);
  service.endpoints.resume(endpoint.name());
  answer_status(exchange, endpoint);
}

void measure_endpoint(const Service& service, http::Exchange& exchange) {
  const Endpoint endpoint = asked_for(service, exchange);
  endpoint.measure_batch_limit();
  answer_status(exchange, endpoint);
}

}  // namespace accelerate::server::native

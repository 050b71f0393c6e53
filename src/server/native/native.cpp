#include "server/native/native.h"

namespace accelerate::server::native {

const http::Dialect dialect{.name = "native", .error = [](const http::HttpError& error) {
                              OrderedJson body{{"error", error.what()}};
                              if (!error.code().empty()) body["code"] = error.code();
                              if (!error.field().empty()) body["field"] = error.field();
                              return http::Response{.status = error.status(), .body = dump(body)};
                            }};

namespace {

constexpr std::string_view endpoint_schema = R"({"type":"object","required":["name","folder","state","tasks"],"properties":{
  "name":{"type":"string"},"folder":{"type":"string"},"state":{"enum":["unloaded","loading","ready","draining","failed","removed"]},
  "tasks":{"type":"array","items":{"type":"string"}}}})";

constexpr std::string_view new_endpoint_schema = R"({"type":"object","required":["name","folder"],"properties":{
  "name":{"type":"string"},"folder":{"type":"string"},"aliases":{"type":"array","items":{"type":"string"}},"task":{"type":"string"},
  "backend":{"type":"string"},"precision":{"type":"string"},"threads":{"type":"integer"},"keep_alive_seconds":{"type":"number"},
  "load":{"type":"boolean"}}})";

constexpr std::string_view invoke_schema = R"({"type":"object","properties":{
  "task":{"type":"string"},"text":{},"prompt":{"type":"string"},"question":{"type":"string"},"context":{"type":"string"},
  "query":{"type":"string"},"documents":{"type":"array","items":{"type":"string"}},"labels":{"type":"array","items":{"type":"string"}}}})";

}  // namespace

void add_routes(std::vector<http::Route>& routes, const SharedService& service) {
  using http::Access;
  using http::Place;
  const auto add = [&](http::Route route) {
    route.dialect = &dialect;
    routes.push_back(std::move(route));
  };
  const auto with = [&](void (*handle)(const Service&, http::Exchange&)) {
    return [service, handle](const std::shared_ptr<http::Exchange>& exchange) { handle(*service, *exchange); };
  };
  add({.method = "GET",
       .pattern = "/accelerate/v1/status",
       .summary = "What the server does now: memory, endpoints, their figures.",
       .handler = with(show_status)});
  add({.method = "GET",
       .pattern = "/accelerate/v1/devices",
       .place = Place::slow,
       .summary = "What each backend can use here, and why not.",
       .handler = [](const auto& exchange) { list_devices(*exchange); }});
  add({.method = "GET", .pattern = "/accelerate/v1/endpoints", .summary = "Lists the endpoints.", .handler = with(list_endpoints)});
  add({.method = "POST",
       .pattern = "/accelerate/v1/endpoints",
       .access = Access::admin,
       .place = Place::slow,
       .summary = "Adds an endpoint, and loads its model unless \"load\" is false.",
       .request = new_endpoint_schema,
       .response = endpoint_schema,
       .handler = with(add_endpoint)});
  add({.method = "GET",
       .pattern = "/accelerate/v1/endpoints/{name}",
       .summary = "Tells of one endpoint.",
       .response = endpoint_schema,
       .handler = with(show_endpoint)});
  add({.method = "DELETE",
       .pattern = "/accelerate/v1/endpoints/{name}",
       .access = Access::admin,
       .place = Place::slow,
       .summary = "Removes an endpoint; its model gives its memory back unless another endpoint uses it.",
       .handler = with(remove_endpoint)});
  add({.method = "POST",
       .pattern = "/accelerate/v1/endpoints/{name}:init",
       .access = Access::admin,
       .place = Place::slow,
       .summary = "Loads the endpoint's model, and takes requests again after a drain.",
       .response = endpoint_schema,
       .handler = with(load_endpoint)});
  add({.method = "POST",
       .pattern = "/accelerate/v1/endpoints/{name}:unload",
       .access = Access::admin,
       .place = Place::slow,
       .summary = "Unloads the endpoint's model and keeps the endpoint.",
       .response = endpoint_schema,
       .handler = with(unload_endpoint)});
  add({.method = "POST",
       .pattern = "/accelerate/v1/endpoints/{name}:drain",
       .access = Access::admin,
       .place = Place::slow,
       .summary = "Takes no more requests, and answers once those that it has are answered, or after \"seconds\" (30).",
       .request = R"({"type":"object","properties":{"seconds":{"type":"number"}}})",
       .response = endpoint_schema,
       .handler = with(drain_endpoint)});
  add({.method = "POST",
       .pattern = "/accelerate/v1/endpoints/{name}:resume",
       .access = Access::admin,
       .place = Place::slow,
       .summary = "Takes requests again after a drain.",
       .response = endpoint_schema,
       .handler = with(resume_endpoint)});
  add({.method = "POST",
       .pattern = "/accelerate/v1/endpoints/{name}:measure",
       .access = Access::admin,
       .place = Place::slow,
       .summary = "Measures the largest batch that fits and still gains speed, and keeps to it.",
       .handler = with(measure_endpoint)});
  add({.method = "POST",
       .pattern = "/accelerate/v1/endpoints/{name}:invoke",
       .summary = "Answers one task of the endpoint's model.",
       .request = invoke_schema,
       .handler = [service](const auto& exchange) { invoke(service, exchange); }});
}

}  // namespace accelerate::server::native

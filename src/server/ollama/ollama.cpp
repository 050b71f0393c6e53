#include "server/ollama/ollama.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>

#include "server/endpoint_of.h"

namespace accelerate::server::ollama {

namespace {

constexpr std::string_view embed_schema = R"({"type":"object","required":["model","input"],"properties":{"model":{"type":"string"},
"input":{"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]},"truncate":{"type":"boolean"},
"dimensions":{"type":"integer","minimum":1}}})";
constexpr std::string_view generate_schema = R"({"type":"object","required":["model"],"properties":{"model":{"type":"string"},
"prompt":{"type":"string"},"system":{"type":"string"},"raw":{"type":"boolean"},"stream":{"type":"boolean"},
"options":{"type":"object","required":["num_predict"],"properties":{"num_predict":{"type":"integer","minimum":1,"maximum":16},
"temperature":{"type":"number","minimum":0,"maximum":2},"seed":{"type":"integer","minimum":0}}}}})";
constexpr std::string_view chat_schema = R"({"type":"object","required":["model","messages"],"properties":{"model":{"type":"string"},
"messages":{"type":"array","items":{"type":"object","required":["role","content"],"properties":{"role":{"enum":["system","user","assistant"]},
"content":{"type":"string"}}}},"stream":{"type":"boolean"},
"options":{"type":"object","required":["num_predict"],"properties":{"num_predict":{"type":"integer","minimum":1,"maximum":16}}}}})";
constexpr std::string_view named_schema = R"({"type":"object","required":["model"],"properties":{"model":{"type":"string"}}})";

std::string message_of(const http::HttpError& error) {
  if (error.code() == "overloaded") return "server busy, please try again.  maximum pending requests exceeded";
  return error.what();
}

}  // namespace

const http::Dialect dialect{.name = "ollama", .error = [](const http::HttpError& error) {
                              return http::Response{.status = error.status(), .body = dump({{"error", message_of(error)}})};
                            }};

Endpoint endpoint_of(const Service& service, const Body& body) {
  std::string name = body.text("model").value_or(body.text("name").value_or(""));
  if (name.empty()) throw http::HttpError(400, "model is required", "invalid_value", "model");
  if (name.ends_with(":latest")) name.resize(name.size() - std::string_view(":latest").size());
  try {
    return endpoint_named(service, name);
  } catch (const http::HttpError&) {
    throw http::HttpError(404, fmt::format("model \"{}\" not found, try pulling it first", name), "model_not_found", "model");
  }
}

std::string timestamp(std::chrono::system_clock::time_point time) {
  const auto fraction = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count() % 1'000'000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)), fraction);
}

std::int64_t nanoseconds(double seconds) { return std::llround(seconds * 1e9); }

bool wants_unload(const Body& body) {
  const OrderedJson* value = body.find("keep_alive");
  if (value == nullptr) return false;
  return (value->is_number() && value->get<double>() == 0) || (value->is_string() && (*value == "0" || *value == "0s" || *value == "0m"));
}

void add_routes(std::vector<http::Route>& routes, const SharedService& service) {
  using http::Place;
  const auto add = [&](http::Route route) {
    route.dialect = &dialect;
    routes.push_back(std::move(route));
  };
  add({.method = "GET",
       .pattern = "/api/version",
       .place = Place::here,
       .summary = "The server's version.",
       .handler = [service](const auto& exchange) { exchange->answer({.body = dump({{"version", service->version}})}); }});
  add({.method = "GET", .pattern = "/api/tags", .summary = "Lists the models.", .handler = [service](const auto& exchange) {
         list_models(*service, *exchange, false);
       }});
  add({.method = "GET", .pattern = "/api/ps", .summary = "Lists the models that are loaded.", .handler = [service](const auto& exchange) {
         list_models(*service, *exchange, true);
       }});
  add({.method = "POST",
       .pattern = "/api/show",
       .summary = "Tells of one model.",
       .request = named_schema,
       .handler = [service](const auto& exchange) { show_model(*service, *exchange); }});
  add({.method = "POST",
       .pattern = "/api/embed",
       .summary = "Embeds texts.",
       .request = embed_schema,
       .handler = [service](const auto& exchange) { embed(service, exchange, false); }});
  add({.method = "POST",
       .pattern = "/api/embeddings",
       .summary = "Embeds a text; the older form.",
       .request = named_schema,
       .handler = [service](const auto& exchange) { embed(service, exchange, true); }});
  add({.method = "POST",
       .pattern = "/api/generate",
       .place = Place::slow,
       .summary = "Continues a text.",
       .request = generate_schema,
       .handler = [service](const auto& exchange) { generate_text(service, exchange); }});
  add({.method = "POST",
       .pattern = "/api/chat",
       .place = Place::slow,
       .summary = "Answers a conversation.",
       .request = chat_schema,
       .handler = [service](const auto& exchange) { chat(service, exchange); }});
  const auto elsewhere = [](const auto&) {
    throw http::HttpError(501, "models come to this server by its command line, not over this API", "unsupported");
  };
  for (const std::string_view pattern : {"/api/pull", "/api/push", "/api/create", "/api/copy"})
    add({.method = "POST",
         .pattern = pattern,
         .access = http::Access::admin,
         .place = Place::here,
         .summary = "Not in this build: the model store over HTTP.",
         .handler = elsewhere});
  add({.method = "DELETE",
       .pattern = "/api/delete",
       .access = http::Access::admin,
       .place = Place::here,
       .summary = "Not in this build: the model store over HTTP.",
       .handler = elsewhere});
}

}  // namespace accelerate::server::ollama

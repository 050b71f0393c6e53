#include "server/framework/framework.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/json.h"
#include "ipfs_accelerate/devices.h"
#include "server/endpoint_of.h"
#include "server/submit.h"
#include "server/vectors.h"
#include "tasks/answers_json.h"

namespace accelerate::server::framework {
namespace {

using http::HttpError;
using SharedExchange = std::shared_ptr<http::Exchange>;

http::Response message(const OrderedJson& json) { return {.body = dump({{"message", json}})}; }

/// [model, backend, context length].
struct Triple {
  std::string model;
  std::string backend;

  std::string name() const { return model + "@" + backend; }
};

Triple triple_of(const OrderedJson& json, const Body& body, std::string_view field) {
  constexpr const char* expected = R"([model, backend, context length], such as ["models/gte-small", "cpu:0", "512"])";
  if (!json.is_array() || json.size() < 2 || !json[0].is_string() || !json[1].is_string()) body.refuse(field, expected);
  return {.model = json[0].get<std::string>(), .backend = json[1].get<std::string>()};
}

/// "cpu:0" as the backend's name. Throws HttpError 400 for another device than the first: which one is used is the backend's choice.
std::string backend_of(const std::string& label) {
  const std::size_t colon = label.find(':');
  if (colon != std::string::npos && label.substr(colon + 1) != "0")
    throw HttpError(400, fmt::format("backend {} names a device by number, expected 0 or none", in_quotes(label)), "invalid_value");
  return label.substr(0, colon);
}

void add(const Service& service, const Triple& triple) {
  server::add_endpoint(service, triple.name(), {.folder = triple.model, .load = {.backend = backend_of(triple.backend)}}, false);
}

OrderedJson hardware_json() {
  OrderedJson json{{"cpu", false},  {"cuda", false},     {"openvino", false}, {"llama_cpp", false},
                   {"ipex", false}, {"qualcomm", false}, {"apple", false},    {"webnn", false}};
  for (const BackendDevices& backend : list_devices())
    if (json.contains(backend.backend)) json[backend.backend] = !backend.devices.empty();
  return json;
}

/// {batch_sizes, endpoints, hwtest} of the models; of all where none is named. A batch size is null until it was measured.
OrderedJson status_json(const Service& service, const std::vector<std::string>& models) {
  OrderedJson sizes = OrderedJson::object();
  OrderedJson states = OrderedJson::object();
  const auto tell = [&](const Endpoint& endpoint) {
    const EndpointStatus status = endpoint.status();
    const std::size_t at = status.name.rfind('@');
    const std::string model = status.name.substr(0, at);
    const std::string backend = at == std::string::npos ? status.asked_backend : status.name.substr(at + 1);
    sizes[model][backend] = status.batch_limit ? OrderedJson(status.batch_limit->texts) : OrderedJson();
    states[model][backend] = name_of(status.state);
  };
  if (models.empty())
    for (const Endpoint& endpoint : service.endpoints.list()) tell(endpoint);
  for (const std::string& model : models)
    for (const Endpoint& endpoint : endpoints_of(service, model)) tell(endpoint);
  return {{"batch_sizes", sizes}, {"endpoints", states}, {"hwtest", hardware_json()}};
}

std::vector<std::string> optional_models(const Body& body) { return body.has("models") ? models_of(body) : std::vector<std::string>(); }

void init(const Service& service, http::Exchange& exchange) {
  const Body body = Body::parse_optional(exchange.take_body());
  const Body resources = body.object("resources").value_or(Body::parse("{}"));
  for (const char* remote : {"tei_endpoints", "openvino_endpoints", "libp2p_endpoints", "api_endpoints"})
    if (const OrderedJson* list = resources.find(remote); list != nullptr && !list->empty())
      resources.refuse(remote, "none: this server runs models itself, and asks no other");
  std::vector<Triple> triples;
  if (const OrderedJson* list = resources.find("local_endpoints")) {
    if (!list->is_array()) resources.refuse("local_endpoints", "a list of [model, backend, context length]");
    for (const OrderedJson& each : *list) triples.push_back(triple_of(each, resources, "local_endpoints"));
  }
  for (const Triple& triple : triples)
    if (std::ranges::none_of(service.endpoints.list(), [&](const Endpoint& each) { return each.name() == triple.name(); }))
      add(service, triple);
  const std::vector<std::string> models = optional_models(body);
  for (const Triple& triple : triples) service.endpoints.get(triple.name()).init();
  for (const std::string& model : models)
    for (const Endpoint& endpoint : endpoints_of(service, model)) endpoint.init();
  exchange.answer(message(status_json(service, models)));
}

void add_endpoint(const Service& service, http::Exchange& exchange) {
  const Body body = Body::parse(exchange.take_body());
  const std::string type = body.text("endpoint_type").value_or("local_endpoints");
  if (type != "local_endpoints") body.refuse("endpoint_type", "local_endpoints: this server runs models itself");
  const OrderedJson* endpoint = body.find("endpoint");
  Triple triple{.model = body.text("model").value_or(""), .backend = "auto"};
  if (endpoint != nullptr) triple = triple_of(*endpoint, body, "endpoint");
  if (const auto model = body.text("model"); model && *model != triple.model)
    body.refuse("model", fmt::format("the model of the endpoint, {}", in_quotes(triple.model)));
  add(service, triple);
  exchange.answer(message({{"added", triple.name()}}));
}

void rm_endpoint(const Service& service, http::Exchange& exchange) {
  const Body body = Body::parse(exchange.take_body());
  const std::string model = body.required_text("model");
  const std::string name = body.has("backend") ? Triple{.model = model, .backend = *body.text("backend")}.name() : model;
  service.endpoints.remove(name);
  exchange.answer(message({{"removed", name}}));
}

void infer(const SharedService& service, const SharedExchange& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const std::vector<std::string> models = models_of(body);
  if (models.size() != 1) body.refuse("models", "one model");
  const Endpoint endpoint = least_busy(*service, models.front());
  exchange->note_endpoint(endpoint.name());
  endpoint.submit(request_of(endpoint, body.required_texts("batch_data")), call_options(*exchange), [service, exchange](TaskResult result) {
    const auto kept = std::make_shared<TaskResult>(std::move(result));
    exchange->on_worker([service, exchange, kept] {
      if (kept->error) return answer_error(*service, dialect, *exchange, kept->error);
      exchange->answer(message(dump({{"infer", parts_json(std::move(kept->answer))}})));
    });
  });
}

void status(const Service& service, http::Exchange& exchange) {
  exchange.answer(message(status_json(service, optional_models(Body::parse_optional(exchange.take_body())))));
}

/// Measures the largest batch of each endpoint of the models, one after the other, and answers at once; /status tells what was found.
void test(const Service& service, http::Exchange& exchange) {
  const Body body = Body::parse_optional(exchange.take_body());
  std::vector<Endpoint> endpoints;
  for (const std::string& model : optional_models(body))
    for (const Endpoint& endpoint : endpoints_of(service, model)) endpoints.push_back(endpoint);
  if (endpoints.empty()) endpoints = service.endpoints.list();
  std::erase_if(endpoints, [](const Endpoint& endpoint) { return endpoint.status().task == "generate"; });
  exchange.answer(message("test started in the background"));
  for (const Endpoint& endpoint : endpoints) try {
      (void)endpoint.measure_batch_limit();
    } catch (const Error& error) {
      if (service.on_fault) service.on_fault(exchange.request(), fmt::format("test of {}: {}", endpoint.name(), error.what()));
    }
}

}  // namespace

const http::Dialect dialect{.name = "framework", .error = [](const HttpError& error) {
                              return http::Response{.status = error.status(), .body = dump({{"error", error.what()}})};
                            }};

std::vector<Endpoint> endpoints_of(const Service& service, const std::string& model) {
  std::vector<Endpoint> found;
  for (const Endpoint& endpoint : service.endpoints.list()) {
    const std::string& name = endpoint.name();
    if (name == model || name.substr(0, name.rfind('@')) == model) found.push_back(endpoint);
  }
  return found;
}

Endpoint least_busy(const Service& service, const std::string& model) {
  const std::vector<Endpoint> found = endpoints_of(service, model);
  if (found.empty()) return service.endpoints.get(model);
  const auto waiting = [](const Endpoint& endpoint) { return endpoint.status().statistics.waiting_tokens; };
  return *std::ranges::min_element(found, {}, waiting);
}

std::vector<std::string> models_of(const Body& body) { return body.required_texts("models"); }

TaskRequest request_of(const Endpoint& endpoint, std::vector<std::string> texts) {
  const std::string task = endpoint.status().task;
  if (texts.empty()) throw HttpError(400, "batch_data is empty, expected at least one text", "invalid_value", "batch_data");
  if (task == "embed") return EmbedRequest{.texts = std::move(texts)};
  if (task == "fill-mask") return FillMaskRequest{.texts = std::move(texts)};
  if (task == "tag") return TagRequest{.texts = std::move(texts)};
  if (task == "generate") {
    if (texts.size() != 1) throw HttpError(400, "batch_data has several texts, expected one where a text goes on; /queue takes many");
    return GenerateRequest{.prompt = std::move(texts.front())};
  }
  if (task == "classify") {
    ClassifyRequest request{.inputs = {}};
    for (std::string& text : texts) request.inputs.push_back({.text = std::move(text)});
    return request;
  }
  throw HttpError(501, fmt::format("a model of task {} takes more than a text: this dialect has no form for it", task));
}

OrderedJson parts_json(TaskAnswer answer) {
  OrderedJson parts = OrderedJson::array();
  const auto add_all = [&](const auto& answers) {
    for (const auto& each : answers) parts.push_back(OrderedJson::parse(line_of(to_json(each))));
  };
  if (const auto* embedded = std::get_if<EmbedResult>(&answer)) return OrderedJson::parse(rows_json(embedded->vectors));
  if (const auto* filled = std::get_if<std::vector<FilledMasks>>(&answer)) add_all(*filled);
  if (const auto* classified = std::get_if<std::vector<Classification>>(&answer)) add_all(*classified);
  if (const auto* tagged = std::get_if<std::vector<TaggedText>>(&answer)) add_all(*tagged);
  if (const auto* generated = std::get_if<GenerateAnswer>(&answer))
    for (const GeneratedText& text : generated->texts)
      parts.push_back({{"generated_text", text.text}, {"finish_reason", name_of(text.finish_reason)}});
  return parts;
}

void add_routes(std::vector<http::Route>& routes, const SharedService& service) {
  using http::Access;
  using http::Place;
  const auto add_route = [&](std::string_view pattern, Access access, Place place, std::string_view summary, http::Handler handler) {
    routes.push_back({.method = "POST",
                      .pattern = pattern,
                      .access = access,
                      .place = place,
                      .dialect = &dialect,
                      .summary = summary,
                      .handler = std::move(handler)});
  };
  const auto plain = [service](void (*handler)(const Service&, http::Exchange&)) -> http::Handler {
    return [service, handler](const auto& exchange) { handler(*service, *exchange); };
  };
  add_route("/init", Access::admin, Place::slow, "Adds endpoints and loads models.", plain(init));
  add_route("/add_endpoint", Access::admin, Place::slow, "Adds an endpoint.", plain(add_endpoint));
  add_route("/rm_endpoint", Access::admin, Place::slow, "Removes an endpoint.", plain(rm_endpoint));
  add_route("/infer", Access::key, Place::worker, "Asks a model.", [service](const auto& exchange) { infer(service, exchange); });
  add_route("/queue", Access::key, Place::worker, "Asks a model, text by text; results by their texts' content ids.",
            [service, items = make_item_queue()](const auto& exchange) { queue(service, items, exchange); });
  add_route("/status", Access::key, Place::worker, "Batch sizes, endpoints and what hardware there is.", plain(status));
  add_route("/test", Access::admin, Place::slow, "Measures the largest batches, in the background.", plain(test));
}

}  // namespace accelerate::server::framework

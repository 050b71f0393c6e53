#include "server/kserve/kserve.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "server/body.h"
#include "server/endpoint_of.h"

namespace accelerate::server::kserve {
namespace {

using http::HttpError;

OrderedJson tensors_json(const std::vector<TensorInfo>& tensors) {
  OrderedJson list = OrderedJson::array();
  for (const TensorInfo& tensor : tensors) list.push_back({{"name", tensor.name}, {"datatype", tensor.datatype}, {"shape", tensor.shape}});
  return list;
}

/// As Triton's configuration has them: "TYPE_STRING" for BYTES.
OrderedJson config_tensors_json(const std::vector<TensorInfo>& tensors) {
  OrderedJson list = OrderedJson::array();
  for (const TensorInfo& tensor : tensors)
    list.push_back({{"name", tensor.name},
                    {"data_type", "TYPE_" + (tensor.datatype == "BYTES" ? std::string("STRING") : tensor.datatype)},
                    {"dims", tensor.shape}});
  return list;
}

constexpr std::string_view platform = "ipfs_accelerate";

void server_metadata(const Service& service, http::Exchange& exchange) {
  const OrderedJson extensions{"binary_tensor_data",  "model_repository", "statistics",
                               "model_configuration", "schedule_policy",  "generate"};
  exchange.answer({.body = dump({{"name", platform}, {"version", service.version}, {"extensions", extensions}})});
}

void server_ready(const Service& service, http::Exchange& exchange) {
  if (service.is_draining()) throw HttpError(503, "the server is shutting down");
  for (const Endpoint& endpoint : service.endpoints.list())
    if (const EndpointStatus status = endpoint.status(); status.state == EndpointState::failed)
      throw HttpError(503, fmt::format("model {} could not be loaded: {}", in_quotes(status.name), status.reason));
  exchange.answer({.body = ""});
}

void model_metadata(const Service& service, http::Exchange& exchange) {
  const EndpointStatus status = endpoint_of_path(service, exchange.request()).status();
  const ModelTensors tensors = tensors_of(status);
  exchange.answer({.body = dump({{"name", status.name},
                                 {"versions", OrderedJson::array({"1"})},
                                 {"platform", platform},
                                 {"inputs", tensors_json(tensors.inputs)},
                                 {"outputs", tensors_json(tensors.outputs)}})});
}

/// Whether requests are answered: a model that is not in memory is loaded by the first.
bool takes_requests(EndpointState state) {
  return state == EndpointState::ready || state == EndpointState::unloaded || state == EndpointState::loading;
}

void model_ready(const Service& service, http::Exchange& exchange) {
  const EndpointStatus status = endpoint_of_path(service, exchange.request()).status();
  if (!takes_requests(status.state))
    throw HttpError(503, fmt::format("model {} is {}{}{}", in_quotes(status.name), name_of(status.state), status.reason.empty() ? "" : ": ",
                                     status.reason));
  exchange.answer({.body = ""});
}

void model_config(const Service& service, http::Exchange& exchange) {
  const EndpointStatus status = endpoint_of_path(service, exchange.request()).status();
  const ModelTensors tensors = tensors_of(status);
  const std::string kind = status.model && status.model->device != "cpu" ? "KIND_GPU" : "KIND_CPU";
  exchange.answer(
      {.body = dump({{"name", status.name},
                     {"platform", platform},
                     {"backend", status.model ? status.model->backend : status.asked_backend},
                     {"version_policy", {{"latest", {{"num_versions", 1}}}}},
                     {"max_batch_size", 0},
                     {"input", config_tensors_json(tensors.inputs)},
                     {"output", config_tensors_json(tensors.outputs)},
                     {"instance_group", OrderedJson::array({OrderedJson{{"name", status.name}, {"kind", kind}, {"count", 1}}})}})});
}

void repository_index(const Service& service, http::Exchange& exchange) {
  const bool ready_only = Body::parse_optional(exchange.take_body()).boolean("ready").value_or(false);
  OrderedJson list = OrderedJson::array();
  for (const Endpoint& endpoint : service.endpoints.list()) {
    const EndpointStatus status = endpoint.status();
    const bool is_ready = status.state == EndpointState::ready;
    if (ready_only && !is_ready) continue;
    const std::string state = is_ready ? "READY" : status.state == EndpointState::loading ? "LOADING" : "UNAVAILABLE";
    list.push_back({{"name", status.name},
                    {"version", "1"},
                    {"state", state},
                    {"reason", is_ready                ? std::string()
                               : status.reason.empty() ? std::string(name_of(status.state))
                                                       : status.reason}});
  }
  exchange.answer({.body = dump(list)});
}

void load(const Service& service, http::Exchange& exchange) {
  if (Body::parse_optional(exchange.take_body()).object("parameters").value_or(Body::parse("{}")).has("config"))
    throw HttpError(400, "parameters.config is given, expected none: an endpoint's settings are its configuration's", "invalid_value");
  endpoint_of_path(service, exchange.request()).init();
  exchange.answer({.body = "{}"});
}

void unload(const Service& service, http::Exchange& exchange) {
  const Endpoint endpoint = endpoint_of_path(service, exchange.request());
  if (!service.endpoints.unload(endpoint.name()))
    throw HttpError(409, fmt::format("model {} has work, and stays loaded until it is done", in_quotes(endpoint.name())));
  exchange.answer({.body = "{}"});
}

}  // namespace

const http::Dialect dialect{.name = "kserve", .error = [](const HttpError& error) {
                              return http::Response{.status = error.status(), .body = dump({{"error", error.what()}})};
                            }};

Endpoint endpoint_of_path(const Service& service, const http::Request& request) {
  const auto version = std::ranges::find(request.parameters, "version", &std::pair<std::string, std::string>::first);
  Endpoint endpoint = endpoint_named(service, request.parameter("model"));
  if (version != request.parameters.end() && version->second != "1")
    throw HttpError(404, fmt::format("model {} has no version {}, only 1", in_quotes(endpoint.name()), in_quotes(version->second)));
  return endpoint;
}

ModelTensors tensors_of(const EndpointStatus& status) {
  const std::int64_t width = status.model ? status.model->hidden_size : -1;
  ModelTensors tensors{.inputs = {{"text", "BYTES", {-1}}}, .outputs = {}};
  if (status.task == "embed")
    tensors.outputs = {{"embedding", "FP32", {-1, width}}};
  else if (status.task == "classify")
    tensors.outputs = {{"label", "BYTES", {-1, -1}}, {"score", "FP32", {-1, -1}}};
  else if (status.task == "rerank")
    tensors = {.inputs = {{"query", "BYTES", {1}}, {"text", "BYTES", {-1}}}, .outputs = {{"score", "FP32", {-1}}}};
  else if (status.task == "answer")
    tensors = {.inputs = {{"question", "BYTES", {-1}}, {"context", "BYTES", {-1}}}, .outputs = {{"answer", "BYTES", {-1}}}};
  else if (status.task == "generate")
    tensors.outputs = {{"text_output", "BYTES", {-1}}};
  else
    tensors.outputs = {{"answer", "BYTES", {-1}}};
  return tensors;
}

void add_routes(std::vector<http::Route>& routes, const SharedService& service) {
  using http::Access;
  using http::Place;
  const auto add = [&](http::Route route) {
    route.dialect = &dialect;
    routes.push_back(std::move(route));
  };
  const auto plain = [service](void (*handler)(const Service&, http::Exchange&)) -> http::Handler {
    return [service, handler](const auto& exchange) { handler(*service, *exchange); };
  };
  const auto live = [](const auto& exchange) { exchange->answer({.body = ""}); };
  add({.method = "GET", .pattern = "/v2", .summary = "Tells of the server.", .handler = plain(server_metadata)});
  add({.method = "GET", .pattern = "/v2/health/live", .place = Place::here, .summary = "Whether the server answers.", .handler = live});
  add({.method = "GET", .pattern = "/v2/health/ready", .summary = "Whether requests are answered.", .handler = plain(server_ready)});
  add({.method = "GET", .pattern = "/v2/models/stats", .summary = "Statistics of all models.", .handler = plain(list_statistics)});
  add({.method = "POST",
       .pattern = "/v2/repository/index",
       .summary = "Lists the models and their states.",
       .handler = plain(repository_index)});
  add({.method = "POST",
       .pattern = "/v2/repository/models/{model}/load",
       .access = Access::admin,
       .place = Place::slow,
       .summary = "Loads a model.",
       .handler = plain(load)});
  add({.method = "POST",
       .pattern = "/v2/repository/models/{model}/unload",
       .access = Access::admin,
       .place = Place::slow,
       .summary = "Unloads a model, which the next request loads again.",
       .handler = plain(unload)});

  const http::Handler run = [service](const auto& exchange) { infer(service, exchange); };
  const http::Handler whole = [service](const auto& exchange) { generate(service, exchange, false); };
  const http::Handler stream = [service](const auto& exchange) { generate(service, exchange, true); };
  struct Paths {
    std::string_view model, ready, config, statistics, infer, generate, generate_stream;
  };
  for (const Paths& paths :
       {Paths{"/v2/models/{model}", "/v2/models/{model}/ready", "/v2/models/{model}/config", "/v2/models/{model}/stats",
              "/v2/models/{model}/infer", "/v2/models/{model}/generate", "/v2/models/{model}/generate_stream"},
        Paths{"/v2/models/{model}/versions/{version}", "/v2/models/{model}/versions/{version}/ready",
              "/v2/models/{model}/versions/{version}/config", "/v2/models/{model}/versions/{version}/stats",
              "/v2/models/{model}/versions/{version}/infer", "/v2/models/{model}/versions/{version}/generate",
              "/v2/models/{model}/versions/{version}/generate_stream"}}) {
    add({.method = "GET", .pattern = paths.model, .summary = "What a model takes and gives.", .handler = plain(model_metadata)});
    add({.method = "GET", .pattern = paths.ready, .summary = "Whether a model answers.", .handler = plain(model_ready)});
    add({.method = "GET", .pattern = paths.config, .summary = "A model's configuration.", .handler = plain(model_config)});
    add({.method = "GET", .pattern = paths.statistics, .summary = "A model's statistics.", .handler = plain(show_statistics)});
    add({.method = "POST", .pattern = paths.infer, .summary = "Asks a model.", .handler = run});
    add({.method = "POST", .pattern = paths.generate, .summary = "Continues a text.", .handler = whole});
    add({.method = "POST", .pattern = paths.generate_stream, .summary = "Continues a text, piece by piece.", .handler = stream});
  }
}

}  // namespace accelerate::server::kserve

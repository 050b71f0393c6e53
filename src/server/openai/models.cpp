#include "server/endpoint_of.h"
#include "server/openai/openai.h"

namespace accelerate::server::openai {
namespace {

OrderedJson model_json(const EndpointStatus& status, const std::string& name) {
  OrderedJson json{
      {"id", name}, {"object", "model"}, {"created", created_at(status)}, {"owned_by", "ipfs-accelerate"}, {"root", status.name}};
  if (status.model) json["max_model_len"] = status.model->most_tokens;
  json["tasks"] = status.tasks;
  return json;
}

}  // namespace

void list_models(const Service& service, http::Exchange& exchange) {
  OrderedJson data = OrderedJson::array();
  for (const Endpoint& endpoint : service.endpoints.list()) {
    const EndpointStatus status = endpoint.status();
    data.push_back(model_json(status, status.name));
    for (const std::string& alias : status.aliases) data.push_back(model_json(status, alias));
  }
  exchange.answer({.body = dump({{"object", "list"}, {"data", data}})});
}

void show_model(const Service& service, http::Exchange& exchange) {
  const std::string& name = exchange.request().parameter("model");
  exchange.answer({.body = dump(model_json(endpoint_named(service, name).status(), name))});
}

}  // namespace accelerate::server::openai

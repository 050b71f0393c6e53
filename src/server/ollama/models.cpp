#include <fmt/format.h>

#include <algorithm>

#include "server/endpoint_of.h"
#include "server/ollama/ollama.h"

namespace accelerate::server::ollama {
namespace {

using std::chrono::system_clock;

std::string size_text(std::int64_t parameters) {
  if (parameters >= 1'000'000'000) return fmt::format("{:.1f}B", static_cast<double>(parameters) / 1e9);
  return fmt::format("{:.2f}M", static_cast<double>(parameters) / 1e6);
}

OrderedJson details_of(const EndpointStatus& status) {
  const std::string family = status.model ? status.model->model_type : "";
  return {{"parent_model", ""},
          {"format", "safetensors"},
          {"family", family},
          {"families", family.empty() ? OrderedJson::array() : OrderedJson::array({family})},
          {"parameter_size", status.model ? size_text(status.model->parameters) : ""},
          {"quantization_level", status.model ? status.model->precision : ""}};
}

OrderedJson capabilities_of(const EndpointStatus& status) {
  OrderedJson result = OrderedJson::array();
  for (const std::string& task : status.tasks) {
    if (task == "generate") result.push_back("completion");
    if (task == "embed") result.push_back("embedding");
  }
  return result;
}

OrderedJson model_json(const EndpointStatus& status) {
  return {{"name", status.name},
          {"model", status.name},
          {"modified_at", timestamp(system_clock::from_time_t(created_at(status)))},
          {"size", status.memory_bytes},
          {"digest", ""},
          {"details", details_of(status)},
          {"capabilities", capabilities_of(status)}};
}

}  // namespace

void list_models(const Service& service, http::Exchange& exchange, bool only_loaded) {
  OrderedJson models = OrderedJson::array();
  for (const Endpoint& endpoint : service.endpoints.list()) {
    const EndpointStatus status = endpoint.status();
    if (only_loaded && status.state != EndpointState::ready && status.state != EndpointState::draining) continue;
    OrderedJson json = model_json(status);
    if (only_loaded) {
      const double left =
          status.keep_alive_seconds < 0 ? 100.0 * 365 * 86400 : std::max(0.0, status.keep_alive_seconds - status.idle_seconds);
      json["expires_at"] = timestamp(system_clock::now() + std::chrono::seconds(static_cast<std::int64_t>(left)));
      json["size_vram"] = 0;
      if (status.model) json["context_length"] = status.model->most_tokens;
    }
    models.push_back(std::move(json));
  }
  exchange.answer({.body = dump({{"models", models}})});
}

void show_model(const Service& service, http::Exchange& exchange) {
  const EndpointStatus status = ollama::endpoint_of(service, Body::parse(exchange.take_body())).status();
  OrderedJson info = OrderedJson::object();
  if (status.model) {
    const ModelInfo& model = *status.model;
    info = {{"general.architecture", model.model_type},
            {"general.parameter_count", model.parameters},
            {model.model_type + ".context_length", model.most_tokens},
            {model.model_type + ".embedding_length", model.hidden_size}};
  }
  exchange.answer({.body = dump({{"modelfile", "FROM " + status.name},
                                 {"parameters", ""},
                                 {"template", ""},
                                 {"details", details_of(status)},
                                 {"model_info", info},
                                 {"capabilities", capabilities_of(status)},
                                 {"modified_at", timestamp(system_clock::from_time_t(created_at(status)))}})});
}

}  // namespace accelerate::server::ollama

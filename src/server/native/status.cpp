#include <chrono>

#include "ipfs_accelerate/devices.h"
#include "runtime/resident_memory.h"
#include "server/native/native.h"

namespace accelerate::server::native {
namespace {

/// The least bound that holds this part of what was counted: an upper estimate, as Prometheus makes it; null where nothing was counted
/// or it lies past the last bound.
OrderedJson quantile(const Histogram& histogram, double part) {
  const double wanted = part * static_cast<double>(histogram.count());
  for (std::size_t i = 0; histogram.count() > 0 && i < histogram.bounds.size(); ++i)
    if (static_cast<double>(histogram.counts[i]) >= wanted) return histogram.bounds[i];
  return nullptr;
}

OrderedJson requests_json(const OutcomeCounts& counts) {
  return {{"ok", counts.ok},
          {"client_error", counts.client_error},
          {"overloaded", counts.overloaded},
          {"timeout", counts.timed_out},
          {"cancelled", counts.cancelled},
          {"internal", counts.internal}};
}

}  // namespace

OrderedJson endpoint_json(const EndpointStatus& status) {
  const EndpointStatistics& statistics = status.statistics;
  OrderedJson json{{"name", status.name},   {"aliases", status.aliases},      {"folder", status.folder}, {"task", status.task},
                   {"tasks", status.tasks}, {"state", name_of(status.state)}, {"reason", status.reason}};
  json["backend"] = status.model ? status.model->backend : status.asked_backend;
  json["device"] = status.model ? status.model->device : "";
  json["implementation"] = status.model ? status.model->implementation : "";
  json["precision"] = status.model ? status.model->precision : status.asked_precision;
  json["threads"] = status.model ? status.model->threads : 0;
  json["random_weights"] = status.model && status.model->random_weights;
  json["notes"] = status.model ? status.model->notes : std::vector<std::string>{};
  json["memory_bytes"] = status.memory_bytes;
  json["shared_with"] = status.shared_with;
  json["keep_alive_seconds"] = status.keep_alive_seconds;
  if (status.batch_limit)
    json["batch_limit"] = {{"texts", status.batch_limit->texts},
                           {"tokens_per_text", status.batch_limit->tokens_per_text},
                           {"tokens_per_second", status.batch_limit->tokens_per_second},
                           {"stopped_by", status.batch_limit->stopped_by}};
  json["queue"] = {{"requests", statistics.waiting_requests}, {"tokens", statistics.waiting_tokens}};
  json["running"] = statistics.running_requests;
  json["requests"] = requests_json(statistics.requests);
  json["tokens"] = {{"input", statistics.prompt_tokens}, {"output", statistics.generated_tokens}};
  json["tokens_per_second"] = statistics.tokens_per_second;
  json["latency_seconds"] = {{"p50", quantile(statistics.request_seconds, 0.5)}, {"p99", quantile(statistics.request_seconds, 0.99)}};
  return json;
}

void show_status(const Service& service, http::Exchange& exchange) {
  OrderedJson endpoints = OrderedJson::array();
  OrderedJson missing = OrderedJson::array();
  for (const Endpoint& endpoint : service.endpoints.list()) {
    const EndpointStatus status = endpoint.status();
    endpoints.push_back(endpoint_json(status));
    if (status.state == EndpointState::failed) missing.push_back(status.name + ": " + status.reason);
    if (status.state == EndpointState::loading) missing.push_back(status.name + " is loading");
  }
  if (service.is_draining()) missing.push_back("the server is stopping");
  const std::chrono::duration<double> uptime = std::chrono::system_clock::now() - service.started;
  const HardwareInfo machine = describe_machine();
  exchange.answer({.body = dump({{"version", service.version},
                                 {"uptime_seconds", uptime.count()},
                                 {"ready", missing.empty()},
                                 {"missing", missing},
                                 {"memory",
                                  {{"resident_bytes", private_bytes()},
                                   {"limit_bytes", machine.memory_limit_bytes.value_or(machine.memory_bytes.value_or(0))},
                                   {"models_bytes", service.endpoints.memory_bytes()},
                                   {"most_models_bytes", service.endpoints.most_memory_bytes()}}},
                                 {"endpoints", endpoints}})});
}

void list_devices(http::Exchange& exchange) {
  OrderedJson devices = OrderedJson::array();
  const auto add = [&](const BackendDevices& backend, const BackendDevices::Entry& device, bool usable) {
    devices.push_back({{"backend", backend.backend},
                       {"name", device.name},
                       {"description", device.description},
                       {"usable", usable},
                       {"reason", device.reason},
                       {"precisions", backend.precisions}});
  };
  for (const BackendDevices& backend : accelerate::list_devices()) {
    for (const BackendDevices::Entry& device : backend.devices) add(backend, device, true);
    for (const BackendDevices::Entry& device : backend.unusable) add(backend, device, false);
    if (backend.devices.empty() && backend.unusable.empty()) add(backend, {backend.backend, "", backend.reason}, false);
  }
  exchange.answer({.body = dump({{"devices", devices}})});
}

}  // namespace accelerate::server::native

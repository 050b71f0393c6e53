#include <algorithm>
#include <cmath>

#include "server/body.h"
#include "server/endpoint_of.h"
#include "server/kserve/kserve.h"

namespace accelerate::server::kserve {
namespace {

std::uint64_t nanoseconds(double seconds) { return static_cast<std::uint64_t>(std::llround(seconds * 1e9)); }

OrderedJson duration_json(std::uint64_t count, double seconds) { return {{"count", count}, {"ns", nanoseconds(seconds)}}; }

OrderedJson statistics_json(const EndpointStatus& status) {
  const EndpointStatistics& counts = status.statistics;
  const std::uint64_t ok = counts.requests.ok;
  const OutcomeCounts& ends = counts.requests;
  const std::uint64_t failed = ends.client_error + ends.overloaded + ends.timed_out + ends.cancelled + ends.internal;
  const double tokenizing = std::max(0.0, counts.request_seconds.sum - counts.queue_seconds.sum - counts.compute_seconds.sum);
  const OrderedJson none = duration_json(0, 0);
  return {{"name", status.name},
          {"version", "1"},
          {"inference_count", counts.texts},
          {"execution_count", counts.batches},
          {"inference_stats",
           {{"success", duration_json(ok, counts.request_seconds.sum)},
            {"fail", duration_json(failed, 0)},
            {"queue", duration_json(ok, counts.queue_seconds.sum)},
            {"compute_input", duration_json(ok, tokenizing)},
            {"compute_infer", duration_json(ok, counts.compute_seconds.sum)},
            {"compute_output", none},
            {"cache_hit", none},
            {"cache_miss", none}}},
          {"batch_stats", OrderedJson::array()}};
}

}  // namespace

void list_statistics(const Service& service, http::Exchange& exchange) {
  OrderedJson list = OrderedJson::array();
  for (const Endpoint& endpoint : service.endpoints.list()) list.push_back(statistics_json(endpoint.status()));
  exchange.answer({.body = dump({{"model_stats", list}})});
}

void show_statistics(const Service& service, http::Exchange& exchange) {
  const EndpointStatus status = endpoint_of_path(service, exchange.request()).status();
  exchange.answer({.body = dump({{"model_stats", OrderedJson::array({statistics_json(status)})}})});
}

}  // namespace accelerate::server::kserve

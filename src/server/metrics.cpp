#include "server/metrics.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/resident_memory.h"
#include "server/service.h"

namespace accelerate::server {
namespace {

/// A value as it stands between the quotes of a label.
std::string label(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

void head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += fmt::format("# HELP ipfs_accelerate_{0} {1}\n# TYPE ipfs_accelerate_{0} {2}\n", name, help, type);
}

template <typename Value>
void line(std::string& out, std::string_view name, std::string_view labels, Value value) {
  out += labels.empty() ? fmt::format("ipfs_accelerate_{} {}\n", name, value)
                        : fmt::format("ipfs_accelerate_{}{{{}}} {}\n", name, labels, value);
}

std::string labels_of(const EndpointStatus& status) {
  return fmt::format(R"(endpoint="{}",device="{}",dtype="{}")", label(status.name), status.model ? label(status.model->device) : "",
                     status.model ? label(status.model->precision) : "");
}

void histogram(std::string& out, std::string_view name, const std::string& labels, const Histogram& values) {
  for (std::size_t i = 0; i < values.counts.size(); ++i) {
    const std::string bound = i < values.bounds.size() ? fmt::format("{}", values.bounds[i]) : "+Inf";
    line(out, fmt::format("{}_bucket", name), fmt::format(R"({},le="{}")", labels, bound), values.counts[i]);
  }
  line(out, fmt::format("{}_sum", name), labels, values.sum);
  line(out, fmt::format("{}_count", name), labels, values.count());
}

/// A number of each endpoint, under one name.
template <typename Read>
void each(std::string& out, const std::vector<EndpointStatus>& all, std::string_view name, std::string_view type, std::string_view help,
          const Read& read) {
  head(out, name, type, help);
  for (const EndpointStatus& status : all) line(out, name, labels_of(status), read(status));
}

void each_histogram(std::string& out, const std::vector<EndpointStatus>& all, std::string_view name, std::string_view help,
                    Histogram EndpointStatistics::* values) {
  head(out, name, "histogram", help);
  for (const EndpointStatus& status : all) histogram(out, name, labels_of(status), status.statistics.*values);
}

void endpoints(std::string& out, const std::vector<EndpointStatus>& all) {
  head(out, "endpoint_requests_total", "counter", "Requests that an endpoint has answered, by how they ended.");
  for (const EndpointStatus& status : all) {
    const OutcomeCounts& counts = status.statistics.requests;
    const auto outcome = [&](std::string_view name, std::uint64_t count) {
      line(out, "endpoint_requests_total", fmt::format(R"({},outcome="{}")", labels_of(status), name), count);
    };
    outcome("ok", counts.ok);
    outcome("client_error", counts.client_error);
    outcome("overloaded", counts.overloaded);
    outcome("timeout", counts.timed_out);
    outcome("cancelled", counts.cancelled);
    outcome("internal", counts.internal);
  }
  head(out, "endpoint_state", "gauge", "1 for the state that the endpoint is in.");
  for (const EndpointStatus& status : all)
    line(out, "endpoint_state", fmt::format(R"({},state="{}")", labels_of(status), name_of(status.state)), 1);
  each(out, all, "texts_total", "counter", "Texts that were computed.", [](const auto& of) { return of.statistics.texts; });
  each(out, all, "prompt_tokens_total", "counter", "Tokens that were read.", [](const auto& of) { return of.statistics.prompt_tokens; });
  each(out, all, "generated_tokens_total", "counter", "Tokens that were written.",
       [](const auto& of) { return of.statistics.generated_tokens; });
  each(out, all, "batches_total", "counter", "Batches with texts of the endpoint.", [](const auto& of) { return of.statistics.batches; });
  each(out, all, "waiting_requests", "gauge", "Requests that wait.", [](const auto& of) { return of.statistics.waiting_requests; });
  each(out, all, "waiting_tokens", "gauge", "Tokens that wait.", [](const auto& of) { return of.statistics.waiting_tokens; });
  each(out, all, "running_requests", "gauge", "Requests that are being computed.",
       [](const auto& of) { return of.statistics.running_requests; });
  each(out, all, "tokens_per_second", "gauge", "Tokens lately computed in a second.",
       [](const auto& of) { return of.statistics.tokens_per_second; });
  each(out, all, "model_memory_bytes", "gauge", "Memory of the endpoint's model.", [](const auto& of) { return of.memory_bytes; });
  each(out, all, "model_load_seconds", "gauge", "What loading the model took.", [](const auto& of) { return of.load_seconds; });
  each_histogram(out, all, "queue_seconds", "From tokens to the first batch.", &EndpointStatistics::queue_seconds);
  each_histogram(out, all, "compute_seconds", "From the first batch to the answer.", &EndpointStatistics::compute_seconds);
  each_histogram(out, all, "endpoint_request_seconds", "From the request to the answer.", &EndpointStatistics::request_seconds);
  each_histogram(out, all, "time_to_first_token_seconds", "From the request to the first new token.",
                 &EndpointStatistics::first_token_seconds);
  each_histogram(out, all, "batch_tokens", "Tokens of a batch.", &EndpointStatistics::batch_tokens);
  each_histogram(out, all, "batch_texts", "Texts of a batch.", &EndpointStatistics::batch_texts);
}

}  // namespace

std::string_view outcome_of(int status) {
  if (status < 400) return "ok";
  if (status == 499) return "cancelled";
  if (status == 429 || status == 503 || status == 529) return "overloaded";
  if (status == 408 || status == 504) return "timeout";
  return status < 500 ? "client_error" : "internal";
}

void Metrics::count(const http::Finished& finished) {
  const std::string dialect(finished.route != nullptr ? finished.route->dialect->name : "none");
  const std::string outcome(finished.broken && finished.status < 400 ? "cancelled" : outcome_of(finished.status));
  const std::lock_guard lock(mutex_);
  ++requests_[{finished.endpoint, dialect, outcome}];
  Durations& durations = seconds_[dialect];
  ++durations.counts[static_cast<std::size_t>(std::ranges::lower_bound(bounds, finished.seconds) - bounds.begin())];
  durations.sum += finished.seconds;
  received_bytes_ += finished.received;
  sent_bytes_ += finished.sent;
  broken_ += finished.broken ? 1 : 0;
}

std::string Metrics::text(const Service& service) const {
  std::string out;
  head(out, "build_info", "gauge", "1, with the version of the program.");
  line(out, "build_info", fmt::format(R"(version="{}")", label(service.version)), 1);
  const http::ConnectionCounts connections = service.connections();
  head(out, "connections_open", "gauge", "Connections now.");
  line(out, "connections_open", "", connections.open);
  head(out, "connections_accepted_total", "counter", "Connections that were taken or turned away.");
  line(out, "connections_accepted_total", "", connections.accepted);
  head(out, "connections_refused_total", "counter", "Connections that were turned away.");
  line(out, "connections_refused_total", "", connections.refused);
  head(out, "private_memory_bytes", "gauge", "Memory of the process that no file backs.");
  line(out, "private_memory_bytes", "", private_bytes());
  {
    const std::lock_guard lock(mutex_);
    head(out, "requests_total", "counter", "Requests over HTTP, by how they ended.");
    for (const auto& [key, count] : requests_) {
      const auto& [endpoint, dialect, outcome] = key;
      line(out, "requests_total", fmt::format(R"(endpoint="{}",dialect="{}",outcome="{}")", label(endpoint), dialect, outcome), count);
    }
    head(out, "request_seconds", "histogram", "From a request's fields to the end of its answer.");
    for (const auto& [dialect, durations] : seconds_) {
      Histogram values{.bounds = {bounds.begin(), bounds.end()}, .counts = {}, .sum = durations.sum};
      std::uint64_t sum = 0;
      for (const std::uint64_t count : durations.counts) values.counts.push_back(sum += count);
      histogram(out, "request_seconds", fmt::format(R"(dialect="{}")", dialect), values);
    }
    head(out, "received_bytes_total", "counter", "Bytes of bodies that came.");
    line(out, "received_bytes_total", "", received_bytes_);
    head(out, "sent_bytes_total", "counter", "Bytes of answers.");
    line(out, "sent_bytes_total", "", sent_bytes_);
    head(out, "answers_broken_total", "counter", "Answers that did not come to their end.");
    line(out, "answers_broken_total", "", broken_);
  }
  std::vector<EndpointStatus> all;
  for (const Endpoint& endpoint : service.endpoints.list()) all.push_back(endpoint.status());
  endpoints(out, all);
  return out;
}

}  // namespace accelerate::server

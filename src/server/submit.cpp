#include "server/submit.h"

#include <fmt/format.h>

#include <charconv>
#include <functional>

#include "base/json.h"

namespace accelerate::server {

using http::HttpError;

Priority allowed_priority(const http::Request& request, Priority wish) {
  if (wish == Priority::high && !request.is_admin)
    throw HttpError(403, "priority is high, which takes the admin key (--admin-key); expected normal or low", "admin_key_required",
                    "priority");
  return wish;
}

CallOptions call_options(http::Exchange& exchange) {
  const http::Request& request = exchange.request();
  const std::string_view key = http::key_of(request);
  CallOptions options{.client = key.empty() ? request.peer : fmt::format("key {:x}", std::hash<std::string_view>()(key))};

  if (const std::string* wish = request.fields.find("x-priority")) {
    if (*wish == "high")
      options.priority = allowed_priority(request, Priority::high);
    else if (*wish == "low")
      options.priority = Priority::low;
    else if (*wish != "normal")
      throw HttpError(400, fmt::format("X-Priority is {}, expected high, normal or low", in_quotes(*wish)));
  }
  if (const std::string* wish = request.fields.find("x-deadline-ms")) {
    std::int64_t milliseconds = 0;
    const auto [end, error] = std::from_chars(wish->data(), wish->data() + wish->size(), milliseconds);
    if (error != std::errc() || end != wish->data() + wish->size() || milliseconds < 1 || milliseconds > 86'400'000)
      throw HttpError(400, fmt::format("X-Deadline-Ms is {}, expected milliseconds from 1 to 86400000", in_quotes(*wish)));
    options.deadline = request.received + std::chrono::milliseconds(milliseconds);
  }
  exchange.on_cancel([cancellation = options.cancellation] { cancellation.cancel(); });
  return options;
}

void add_timing(http::Response& response, const CallReport& report) {
  const auto add = [&](const char* name, double seconds) { response.fields.add(name, fmt::format("{:.3f}", seconds * 1000)); };
  add("X-Total-Time", report.total_seconds);
  add("X-Tokenization-Time", report.tokenize_seconds);
  add("X-Queue-Time", report.queue_seconds);
  add("X-Inference-Time", report.compute_seconds);
  response.fields.add("X-Compute-Tokens", std::to_string(report.prompt_tokens + report.generated_tokens));
}

void answer_error(const Service& service, const http::Dialect& dialect, http::Exchange& exchange, const std::exception_ptr& error) {
  const HttpError known = http::http_error_of(error);
  if (known.status() == 500 && service.on_fault) service.on_fault(exchange.request(), http::message_of(error));
  exchange.answer(http::error_response(dialect, known));
}

}  // namespace accelerate::server

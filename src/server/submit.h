// From a request of HTTP to one of an endpoint and back.
#pragma once

#include <memory>
#include <utility>

#include "server/service.h"

namespace accelerate::server {

/// Who asks, how urgent it is (X-Priority: high, normal or low), until when an answer is of use (X-Deadline-Ms), and that it is not
/// once the client is gone.
CallOptions call_options(http::Exchange& exchange);

/// The priority, where the request may have it. Throws HttpError 403 for `high` without the admin key: whoever floods it starves all
/// others.
Priority allowed_priority(const http::Request& request, Priority wish);

/// Adds x-total-time, x-tokenization-time, x-queue-time and x-inference-time in milliseconds, and x-compute-tokens.
void add_timing(http::Response& response, const CallReport& report);

/// Answers with what was thrown, and reports it where it is the server's fault.
void answer_error(const Service& service, const http::Dialect& dialect, http::Exchange& exchange, const std::exception_ptr& error);

/// Asks `endpoint`, and answers with what `respond(answer, report)` makes of its answer, a Response, on one of the workers.
template <typename Request, typename Respond>
void submit(const SharedService& service, const http::Dialect& dialect, const std::shared_ptr<http::Exchange>& exchange,
            const Endpoint& endpoint, Request request, Respond respond, const CallOptions& options) {
  exchange->note_endpoint(endpoint.name());
  const auto done = [service, &dialect, exchange, respond](TaskResult result) {
    const auto kept = std::make_shared<TaskResult>(std::move(result));
    exchange->on_worker([service, &dialect, exchange, respond, kept] {
      try {
        http::Response response = respond(kept->take<Request>(), std::as_const(kept->report));
        add_timing(response, kept->report);
        exchange->answer(std::move(response));
      } catch (...) {
        answer_error(*service, dialect, *exchange, std::current_exception());
      }
    });
  };
  endpoint.submit(TaskRequest(std::move(request)), options, done);
}

/// The same with the exchange's own options.
template <typename Request, typename Respond>
void submit(const SharedService& service, const http::Dialect& dialect, const std::shared_ptr<http::Exchange>& exchange,
            const Endpoint& endpoint, Request request, Respond respond) {
  submit(service, dialect, exchange, endpoint, std::move(request), std::move(respond), call_options(*exchange));
}

}  // namespace accelerate::server

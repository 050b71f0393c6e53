#include "endpoints/meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ipfs_accelerate/endpoints.h"

namespace accelerate {
namespace {

constexpr double remembered_seconds = 10;

Histogram histogram(std::vector<double> bounds) {
  Histogram result{.bounds = std::move(bounds), .counts = {}};
  result.counts.resize(result.bounds.size() + 1);
  return result;
}

Histogram seconds_histogram() { return histogram({0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}); }

Histogram sizes_histogram() { return histogram({1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}); }

void count(Histogram& histogram, double value) {
  for (std::size_t i = 0; i < histogram.bounds.size(); ++i)
    if (value <= histogram.bounds[i]) ++histogram.counts[i];
  ++histogram.counts.back();
  histogram.sum += value;
}

}  // namespace

void TokenRate::add(std::int64_t tokens, Clock::time_point begin, Clock::time_point end) {
  const double seconds = std::chrono::duration<double>(end - std::max(begin, end_)).count();
  end_ = std::max(end_, end);
  works_.push_back({tokens, std::max(seconds, 0.0)});
  tokens_ += tokens;
  seconds_ += works_.back().seconds;
  while (works_.size() > 1 && seconds_ - works_.front().seconds > remembered_seconds) {
    tokens_ -= works_.front().tokens;
    seconds_ -= works_.front().seconds;
    works_.pop_front();
  }
}

double TokenRate::tokens_per_second() const { return seconds_ > 0 ? static_cast<double>(tokens_) / seconds_ : 0; }

std::uint64_t& count_of(OutcomeCounts& counts, const std::exception_ptr& error) {
  if (!error) return counts.ok;
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    switch (known.kind()) {
      case ErrorKind::overloaded:
        return counts.overloaded;
      case ErrorKind::timed_out:
        return counts.timed_out;
      case ErrorKind::cancelled:
        return counts.cancelled;
      case ErrorKind::invalid_argument:
      case ErrorKind::not_found:
      case ErrorKind::unsupported:
        return counts.client_error;
      default:
        return counts.internal;
    }
  } catch (...) {
    return counts.internal;
  }
}

Meter::Meter() : last_end_(Clock::now()) {
  for (Histogram* each : {&counts_.queue_seconds, &counts_.compute_seconds, &counts_.request_seconds, &counts_.first_token_seconds})
    *each = seconds_histogram();
  for (Histogram* each : {&counts_.batch_tokens, &counts_.batch_texts}) *each = sizes_histogram();
}

void Meter::admit(const Room& room, const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  if (counts_.waiting_requests >= room.most_requests)
    throw OverloadedError(fmt::format("endpoint '{}': {} requests wait already, the most it takes", endpoint, counts_.waiting_requests),
                          drain_seconds_locked());
  if (counts_.waiting_tokens >= room.most_tokens)
    throw OverloadedError(fmt::format("endpoint '{}': {} tokens wait already, the most it takes", endpoint, counts_.waiting_tokens),
                          drain_seconds_locked());
  ++counts_.waiting_requests;
}

void Meter::admit_tokens(std::int64_t tokens, const Room& room, const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  if (counts_.waiting_tokens > 0 && counts_.waiting_tokens + tokens > room.most_tokens)
    throw OverloadedError(fmt::format("endpoint '{}': a request of {} tokens has no room behind the {} that wait, of {} at most", endpoint,
                                      tokens, counts_.waiting_tokens, room.most_tokens),
                          drain_seconds_locked());
  counts_.waiting_tokens += tokens;
}

void Meter::stop_waiting(std::int64_t tokens) {
  const std::lock_guard lock(mutex_);
  --counts_.waiting_requests;
  counts_.waiting_tokens -= tokens;
}

void Meter::start(std::int64_t tokens, bool first) {
  const std::lock_guard lock(mutex_);
  counts_.waiting_tokens -= tokens;
  if (!first) return;
  --counts_.waiting_requests;
  ++counts_.running_requests;
}

void Meter::stop_running() {
  const std::lock_guard lock(mutex_);
  --counts_.running_requests;
}

void Meter::count_batch(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  ++counts_.batches;
  counts_.texts += batch.own_texts;
  count(counts_.batch_tokens, static_cast<double>(batch.tokens));
  count(counts_.batch_texts, static_cast<double>(batch.texts));
  // The whole batch: what waits here waits for the others' texts too.
  rate_.add(batch.tokens, batch.begin, batch.end);
}

void Meter::count_generation(std::int64_t tokens, Clock::time_point begin, Clock::time_point end) {
  const std::lock_guard lock(mutex_);
  rate_.add(tokens, begin, end);
}

void Meter::count_end(const TaskResult& result) {
  const std::lock_guard lock(mutex_);
  ++count_of(counts_.requests, result.error);
  last_end_ = Clock::now();
  counts_.prompt_tokens += static_cast<std::uint64_t>(result.report.prompt_tokens);
  counts_.generated_tokens += static_cast<std::uint64_t>(result.report.generated_tokens);
  if (result.error) return;
  count(counts_.queue_seconds, result.report.queue_seconds);
  count(counts_.compute_seconds, result.report.compute_seconds);
  count(counts_.request_seconds, result.report.total_seconds);
  if (result.report.first_token_seconds > 0) count(counts_.first_token_seconds, result.report.first_token_seconds);
}

double Meter::drain_seconds() const {
  const std::lock_guard lock(mutex_);
  return drain_seconds_locked();
}

double Meter::drain_seconds_locked() const {
  const double rate = rate_.tokens_per_second();
  return rate > 0 ? std::max(1.0, static_cast<double>(counts_.waiting_tokens) / rate) : 1.0;
}

EndpointStatistics Meter::statistics() const {
  const std::lock_guard lock(mutex_);
  EndpointStatistics result = counts_;
  result.tokens_per_second = rate_.tokens_per_second();
  return result;
}

double Meter::idle_seconds() const {
  const std::lock_guard lock(mutex_);
  return std::chrono::duration<double>(Clock::now() - last_end_).count();
}

}  // namespace accelerate

#include "endpoints/text_batcher.h"

#include <algorithm>
#include <future>
#include <new>
#include <numeric>

#include "endpoints/joint_batch.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

using Clock = Meter::Clock;

double seconds_between(Clock::time_point begin, Clock::time_point end) { return std::chrono::duration<double>(end - begin).count(); }

std::exception_ptr as_pointer(ErrorKind kind, const char* message) { return std::make_exception_ptr(Error(kind, message)); }

/// The exception that is being handled, as what is told to callers.
std::exception_ptr error_now() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return as_pointer(ErrorKind::out_of_memory, "out of memory for a batch of texts");
  } catch (...) {
    return std::current_exception();
  }
}

/// Runs the part as a batch of its own; what went wrong, or nothing.
std::exception_ptr run_alone(const Session& session, const QueuedPart& part) {
  try {
    run_joint_batch(session, std::span(&part, 1));
    return static_cast<const BatchedCall&>(*part.call).error;
  } catch (...) {
    return error_now();
  }
}

BatchedCall& batched(const QueuedPart& part) { return static_cast<BatchedCall&>(*part.call); }

std::int64_t tokens_of(const QueuedCall& call, std::size_t begin, std::size_t end) {
  return std::accumulate(call.lengths.begin() + static_cast<std::ptrdiff_t>(begin), call.lengths.begin() + static_cast<std::ptrdiff_t>(end),
                         std::int64_t{0});
}

/// Counts the batch for each endpoint that had texts in it.
void count_batch(std::span<const QueuedPart> parts, Clock::time_point begin, Clock::time_point end) {
  Meter::Batch batch{.tokens = 0, .texts = 0, .own_tokens = 0, .own_texts = 0, .begin = begin, .end = end};
  std::map<Meter*, Meter::Batch> shares;
  for (const QueuedPart& part : parts) {
    Meter::Batch& share = shares.try_emplace(batched(part).meter.get(), batch).first->second;
    share.own_tokens += tokens_of(*part.call, part.begin, part.end);
    share.own_texts += part.end - part.begin;
  }
  for (const auto& [meter, share] : shares) {
    batch.tokens += share.own_tokens;
    batch.texts += share.own_texts;
  }
  for (auto& [meter, share] : shares) {
    share.tokens = batch.tokens;
    share.texts = batch.texts;
    meter->count_batch(share);
  }
}

}  // namespace

BatchedCall::BatchedCall(TextCall text_call, const CallOptions& call_options, Cancellation endpoint_closing,
                         std::shared_ptr<Meter> endpoint_meter)
    : call(std::move(text_call)), options(call_options), closing(std::move(endpoint_closing)), meter(std::move(endpoint_meter)) {
  client = options.client;
  priority = options.priority;
  const std::vector<std::int64_t>& begins = call.encodings.begins;
  order.resize(static_cast<std::size_t>(call.encodings.inputs()));
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto length = [&](std::size_t i) { return begins[i + 1] - begins[i]; };
  std::ranges::stable_sort(order, std::greater{}, length);
  for (const std::size_t i : order) lengths.push_back(length(i));
}

std::exception_ptr BatchedCall::reason_to_stop() const {
  if (error) return error;
  if (options.cancellation.is_cancelled()) return as_pointer(ErrorKind::cancelled, "the request was cancelled by its caller");
  if (closing.is_cancelled()) return as_pointer(ErrorKind::cancelled, "the endpoint was removed while the request waited");
  if (options.deadline && Clock::now() >= *options.deadline)
    return as_pointer(ErrorKind::timed_out, "the request's deadline came before all of it was computed");
  return nullptr;
}

TextBatcher::TextBatcher(const Session& session, const FairQueue::Limits& limits)
    : session_(session), limits_(limits), worker_([this] { work(); }) {}

TextBatcher::~TextBatcher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  worker_.join();
}

void TextBatcher::submit(std::shared_ptr<BatchedCall> call) {
  call->queued = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    queue_.push(std::move(call));
  }
  wake_.notify_all();
}

void TextBatcher::set_limits(const FairQueue::Limits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

void TextBatcher::run_between_batches(const std::function<void()>& work) {
  std::packaged_task<void()> task(work);
  std::future<void> done = task.get_future();
  {
    const std::lock_guard lock(mutex_);
    between_.emplace_back([&task] { task(); });
  }
  wake_.notify_all();
  done.get();
}

void TextBatcher::work() {
  for (;;) {
    std::vector<QueuedPart> parts;
    std::vector<std::shared_ptr<QueuedCall>> stopped;
    std::vector<std::function<void()>> between;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty() || !between_.empty(); });
      between.swap(between_);
      const bool stopping = stopping_;
      stopped = queue_.drop(
          [&](const QueuedCall& call) { return stopping || static_cast<const BatchedCall&>(call).reason_to_stop() != nullptr; });
      if (!stopping) parts = queue_.take(limits_);
      if (stopping && between.empty()) {
        lock.unlock();
        return stop_waiting(stopped, as_pointer(ErrorKind::cancelled, "the endpoint was removed while the request waited"));
      }
    }
    stop_waiting(stopped, as_pointer(ErrorKind::cancelled, "the endpoint was removed while the request waited"));
    for (const auto& work : between) work();
    if (!parts.empty()) run(parts);
  }
}

void TextBatcher::stop_waiting(const std::vector<std::shared_ptr<QueuedCall>>& calls, const std::exception_ptr& error) {
  for (const std::shared_ptr<QueuedCall>& queued : calls) {
    auto& call = static_cast<BatchedCall&>(*queued);
    const std::int64_t tokens = tokens_of(call, call.taken, call.lengths.size());
    const std::exception_ptr own = call.reason_to_stop();
    if (call.taken == 0)
      call.meter->stop_waiting(tokens);
    else
      call.meter->start(tokens, false);
    finish(call, own ? own : error);
  }
}

void TextBatcher::run(std::span<const QueuedPart> parts) {
  const Clock::time_point begin = Clock::now();
  for (const QueuedPart& part : parts) {
    BatchedCall& call = batched(part);
    if (part.begin == 0) call.begun = begin;
    ++call.batches;
    call.meter->start(tokens_of(call, part.begin, part.end), part.begin == 0);
  }
  try {
    run_joint_batch(session_, parts);
  } catch (...) {
    // One caller's texts must not spoil the others' answers.
    for (const QueuedPart& part : parts) batched(part).error = parts.size() == 1 ? error_now() : run_alone(session_, part);
  }
  count_batch(parts, begin, Clock::now());
  for (const QueuedPart& part : parts) {
    BatchedCall& call = batched(part);
    call.computed += part.end - part.begin;
    // What failed and has more that waits is dropped with that.
    if (call.computed == call.lengths.size()) finish(call, call.error);
  }
}

void TextBatcher::finish(BatchedCall& call, const std::exception_ptr& error) noexcept {
  const Clock::time_point now = Clock::now();
  const bool began = call.taken > 0;
  BatchingReport report{.batches = call.batches, .queue_seconds = seconds_between(call.queued, began ? call.begun : now)};
  if (began) {
    report.compute_seconds = seconds_between(call.begun, now);
    call.meter->stop_running();
  }
  call.done(error, report);
}

}  // namespace accelerate

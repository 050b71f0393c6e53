#include "endpoints/generation_queue.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

using Clock = Meter::Clock;

// How often requests that wait are asked whether they still want to.
constexpr std::chrono::milliseconds poll_time{20};

double seconds_between(Clock::time_point begin, Clock::time_point end) { return std::chrono::duration<double>(end - begin).count(); }

std::exception_ptr as_pointer(ErrorKind kind, const char* message) { return std::make_exception_ptr(Error(kind, message)); }

std::int64_t new_tokens_of(const GenerationResult& result) {
  std::int64_t tokens = 0;
  for (const GeneratedText& text : result.texts) tokens += static_cast<std::int64_t>(text.tokens.size());
  return tokens;
}

}  // namespace

std::exception_ptr QueuedGeneration::reason_to_stop() const {
  if (options.cancellation.is_cancelled()) return as_pointer(ErrorKind::cancelled, "the request was cancelled by its caller");
  if (closing.is_cancelled()) return as_pointer(ErrorKind::cancelled, "the endpoint was removed while the request waited");
  if (options.deadline && Clock::now() >= *options.deadline)
    return as_pointer(ErrorKind::timed_out, "the request's deadline came before its text was whole");
  return nullptr;
}

GenerationQueue::GenerationQueue(TextGenerator& generator, std::size_t most_running)
    : generator_(generator), most_running_(most_running), worker_([this] { work(); }) {}

GenerationQueue::~GenerationQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.cancel();
  wake_.notify_all();
  worker_.join();
}

std::int64_t GenerationQueue::cost(std::int64_t prompt_tokens, std::optional<std::int64_t> most_new_tokens) const {
  const std::lock_guard lock(mutex_);
  const auto usual = static_cast<std::int64_t>(std::llround(usual_new_tokens_));
  return prompt_tokens + std::max<std::int64_t>(1, std::min(most_new_tokens.value_or(usual), usual));
}

void GenerationQueue::submit(std::shared_ptr<QueuedGeneration> generation) {
  generation->client = generation->options.client;
  generation->priority = generation->options.priority;
  generation->queued = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    queue_.push(std::move(generation));
  }
  wake_.notify_all();
}

void GenerationQueue::set_most_running(std::size_t most) {
  const std::lock_guard lock(mutex_);
  most_running_ = most;
}

void GenerationQueue::work() {
  for (;;) {
    std::vector<std::shared_ptr<QueuedCall>> stopped;
    std::vector<QueuedPart> parts;
    std::vector<std::shared_ptr<QueuedGeneration>> ended;
    {
      std::unique_lock lock(mutex_);
      const auto has_work = [&] { return stopping_ || !ended_.empty() || (!queue_.empty() && running_ < most_running_); };
      if (queue_.empty())
        wake_.wait(lock, has_work);
      else
        wake_.wait_for(lock, poll_time, has_work);
      if (stopping_ && running_ == 0 && queue_.empty() && ended_.empty()) return;
      ended.swap(ended_);
      stopped = queue_.drop(
          [&](const QueuedCall& call) { return stopping_ || static_cast<const QueuedGeneration&>(call).reason_to_stop() != nullptr; });
      if (running_ < most_running_) {
        parts = queue_.take({.tokens = std::numeric_limits<std::int64_t>::max(), .sequences = most_running_ - running_});
        running_ += parts.size();
      }
      if (stopping_ && stopped.empty() && parts.empty() && ended.empty()) {
        wake_.wait(lock, [&] { return !ended_.empty() || running_ == 0; });
        continue;
      }
    }
    for (const auto& generation : ended) end(generation);
    for (const auto& call : stopped) {
      auto& generation = static_cast<QueuedGeneration&>(*call);
      generation.meter->stop_waiting(generation.lengths.front());
      const std::exception_ptr reason = generation.reason_to_stop();
      generation.done({}, reason ? reason : as_pointer(ErrorKind::cancelled, "the endpoint was removed while the request waited"),
                      {.queue_seconds = seconds_between(generation.queued, Clock::now())});
    }
    for (const QueuedPart& part : parts) start(std::static_pointer_cast<QueuedGeneration>(part.call));
  }
}

void GenerationQueue::start(const std::shared_ptr<QueuedGeneration>& generation) {
  generation->begun = Clock::now();
  generation->meter->start(generation->lengths.front(), true);
  generation->request.is_cancelled = [generation = generation.get(), stopped = stopped_] {
    return stopped.is_cancelled() || generation->reason_to_stop() != nullptr;
  };
  // The result is read on this queue's thread, once the scheduler is done with the request.
  generation->request.done = [this, generation] {
    const std::lock_guard lock(mutex_);
    ended_.push_back(generation);
    wake_.notify_all();
  };
  try {
    generation->ticket = generator_.submit(std::move(generation->request));
  } catch (...) {
    {
      const std::lock_guard lock(mutex_);
      --running_;
    }
    generation->meter->stop_running();
    generation->done({}, std::current_exception(), {.queue_seconds = seconds_between(generation->queued, generation->begun)});
  }
}

void GenerationQueue::end(const std::shared_ptr<QueuedGeneration>& generation) noexcept {
  const Clock::time_point now = Clock::now();
  GenerationResult result;
  std::exception_ptr error;
  try {
    result = generation->ticket->get();
    const bool is_cut =
        std::ranges::any_of(result.texts, [](const GeneratedText& text) { return text.finish_reason == FinishReason::cancelled; });
    if (is_cut) error = generation->reason_to_stop();
    if (is_cut && stopped_.is_cancelled()) error = as_pointer(ErrorKind::cancelled, "the endpoint was removed while the text went on");
  } catch (...) {
    error = std::current_exception();
  }
  CallReport report{.prompt_tokens = result.prompt_tokens,
                    .generated_tokens = new_tokens_of(result),
                    .batches = 1,
                    .queue_seconds = seconds_between(generation->queued, generation->begun),
                    .compute_seconds = seconds_between(generation->begun, now)};
  if (result.first_token) report.first_token_seconds = seconds_between(generation->queued, *result.first_token);
  {
    const std::lock_guard lock(mutex_);
    --running_;
    constexpr double weight = 0.1;
    if (!error) usual_new_tokens_ += weight * (static_cast<double>(report.generated_tokens) - usual_new_tokens_);
  }
  generation->meter->stop_running();
  generation->meter->count_generation(report.prompt_tokens + report.generated_tokens, generation->begun, now);
  generation->done(std::move(result), error, report);
}

}  // namespace accelerate

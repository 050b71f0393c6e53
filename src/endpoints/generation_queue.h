// Texts that go on, for many callers: a bounded number at once, the others wait in FairQueue's order.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "endpoints/fair_queue.h"
#include "endpoints/meter.h"
#include "tasks/generate.h"

namespace accelerate {

/// A request to go on with a text, on its way.
struct QueuedGeneration final : QueuedCall {
  GenerationRequest request;
  CallOptions options;
  Cancellation closing;  ///< of its endpoint, when that ends
  std::shared_ptr<Meter> meter;
  std::function<void(GenerationResult result, std::exception_ptr error, const CallReport& report)> done;  ///< told once

  /// Why it shall not go on, as an error; nothing where it shall.
  std::exception_ptr reason_to_stop() const;

  // The queue's own.
  Meter::Clock::time_point queued = {};
  Meter::Clock::time_point begun = {};
  std::optional<TextGenerator::Ticket> ticket = {};
};

class GenerationQueue {
 public:
  /// `generator` outlives this.
  GenerationQueue(TextGenerator& generator, std::size_t most_running);

  /// Ends all requests as cancelled.
  ~GenerationQueue();
  GenerationQueue(const GenerationQueue&) = delete;
  GenerationQueue& operator=(const GenerationQueue&) = delete;

  /// Tokens that a request of that prompt is counted as: with what it may add, or what requests added lately where that is less.
  std::int64_t cost(std::int64_t prompt_tokens, std::optional<std::int64_t> most_new_tokens) const;

  /// Queues a request that its endpoint has admitted with cost() tokens; from here on the queue keeps the meter's account.
  void submit(std::shared_ptr<QueuedGeneration> generation);

  void set_most_running(std::size_t most);

 private:
  void work();
  void start(const std::shared_ptr<QueuedGeneration>& generation);
  void end(const std::shared_ptr<QueuedGeneration>& generation) noexcept;

  TextGenerator& generator_;

  mutable std::mutex mutex_;  ///< of the next
  std::condition_variable wake_;
  FairQueue queue_;
  std::size_t most_running_;
  std::size_t running_ = 0;
  double usual_new_tokens_ = 128;  ///< of a request, as they were lately
  std::vector<std::shared_ptr<QueuedGeneration>> ended_;
  bool stopping_ = false;
  Cancellation stopped_;  ///< ends those that run

  std::thread worker_;
};

}  // namespace accelerate

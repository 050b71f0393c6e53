// The texts of many callers in batches: one is formed of what waits as soon as the one before is computed.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "endpoints/fair_queue.h"
#include "endpoints/meter.h"
#include "runtime/session.h"
#include "tasks/text_model.h"

namespace accelerate {

/// What a call took on its way through the batches.
struct BatchingReport {
  std::size_t batches = 0;
  double queue_seconds = 0;    ///< until the first batch began
  double compute_seconds = 0;  ///< from there to the last answer
};

/// A task's call on its way. What it needs of CallOptions stands in QueuedCall too.
struct BatchedCall final : QueuedCall {
  /// Takes over the call, its inputs in order of their lengths, the longest first.
  BatchedCall(TextCall call, const CallOptions& options, Cancellation closing, std::shared_ptr<Meter> meter);

  /// Tokens of all its inputs.
  std::int64_t tokens() const { return call.encodings.tokens(); }

  /// Why nothing of it shall be computed any more, as an error; nothing where it shall.
  std::exception_ptr reason_to_stop() const;

  TextCall call;
  std::vector<std::size_t> order;  ///< the input of each sequence
  CallOptions options;
  Cancellation closing;  ///< of its endpoint, when that ends
  std::shared_ptr<Meter> meter;
  std::function<void(std::exception_ptr error, const BatchingReport& report)> done;  ///< told once, on the batcher's thread

  // The batcher's own.
  Meter::Clock::time_point queued = {};
  Meter::Clock::time_point begun = {};
  std::size_t computed = 0;  ///< sequences
  std::size_t batches = 0;
  std::exception_ptr error = {};
};

/// Computes calls on one session, with a thread of its own.
class TextBatcher {
 public:
  /// `session` outlives this.
  TextBatcher(const Session& session, const FairQueue::Limits& limits);

  /// Ends what waits as cancelled, and waits for the batch that is being computed.
  ~TextBatcher();
  TextBatcher(const TextBatcher&) = delete;
  TextBatcher& operator=(const TextBatcher&) = delete;

  /// Queues a call of at least one input. Its endpoint has admitted it; from here on the batcher keeps the meter's account.
  void submit(std::shared_ptr<BatchedCall> call);

  /// The bounds of the batches that are formed from now on.
  void set_limits(const FairQueue::Limits& limits);

  /// Runs `work` between two batches, and waits for it. Throws what it throws.
  void run_between_batches(const std::function<void()>& work);

 private:
  void work();
  void stop_waiting(const std::vector<std::shared_ptr<QueuedCall>>& calls, const std::exception_ptr& error);
  void run(std::span<const QueuedPart> parts);
  void finish(BatchedCall& call, const std::exception_ptr& error) noexcept;

  const Session& session_;

  std::mutex mutex_;  ///< of the next
  std::condition_variable wake_;
  FairQueue queue_;
  FairQueue::Limits limits_;
  std::vector<std::function<void()>> between_;
  bool stopping_ = false;

  std::thread worker_;
};

}  // namespace accelerate

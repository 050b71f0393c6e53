#pragma once

#include <condition_variable>
#include <mutex>

#include "endpoints/model_pool.h"
#include "ipfs_accelerate/endpoints.h"

namespace accelerate {

/// What the handles of one endpoint share.
class Endpoint::State : public std::enable_shared_from_this<Endpoint::State> {
 public:
  State(std::string name, EndpointOptions options, ModelFolder folder, std::shared_ptr<ModelPool> pool);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const std::string& name() const { return name_; }
  const EndpointOptions& options() const { return options_; }
  bool has_name(std::string_view name) const;
  bool does(std::string_view task) const;
  EndpointStatus status() const;

  void submit(TaskRequest request, const CallOptions& options, ReceiveResult done);

  /// Uses the model's part that the endpoint's first task runs, on the calling thread. Throws as enter() does, and what loading threw.
  void use_model(const std::function<void(LoadedModel& model)>& use);

  BatchLimit measure_batch_limit(std::int64_t tokens_per_text);

  /// Takes nothing new, and waits until what it has is answered or `most` is over; whether it is.
  bool drain(std::chrono::duration<double> most);
  void resume();

  /// Takes nothing new for ever, cancels what waits, waits for what is computed, and lets go of the model.
  void close();
  bool unload();

 private:
  class Call;

  /// Counts a call that has begun. Throws unavailable while it drains, not_found once it is removed.
  void enter();
  void leave();
  ModelPool::EntryPointer model_entry() const;

  /// What the task runs; token ids go through what the first task runs.
  ModelPart part_for(std::string_view task) const;
  Meter::Room room() const { return {.most_requests = options_.queue.most_requests, .most_tokens = options_.queue.most_tokens}; }

  const std::string name_;
  const EndpointOptions options_;
  const std::vector<std::string> tasks_;
  const std::shared_ptr<ModelPool> pool_;
  const std::shared_ptr<Meter> meter_;
  const Cancellation closing_;
  const std::shared_ptr<PooledModel> model_;

  mutable std::mutex mutex_;  ///< of the next
  std::condition_variable idle_;
  ModelPool::EntryPointer entry_;
  std::size_t active_ = 0;  ///< calls that have begun and not ended
  bool is_draining_ = false;
  bool is_removed_ = false;
  std::optional<BatchLimit> batch_limit_;
};

}  // namespace accelerate

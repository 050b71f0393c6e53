// The models that are in memory: shared by the endpoints of one folder and one way to compute, loaded when they are needed,
// unloaded when they are idle or another needs the memory.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "endpoints/loaded_model.h"

namespace accelerate {

/// What an endpoint asks of the pool.
struct PooledModel {
  ModelFolder folder;
  LoadOptions load = {};
  QueueOptions queue = {};
  std::chrono::duration<double> keep_alive{300};  ///< negative: for ever
};

class ModelPool {
 public:
  explicit ModelPool(std::int64_t most_bytes);
  ~ModelPool();
  ModelPool(const ModelPool&) = delete;
  ModelPool& operator=(const ModelPool&) = delete;

  class Entry;
  using EntryPointer = std::shared_ptr<Entry>;

  /// A user of the model: one who asks for the same folder, backend, precision and ways to choose them shares it. Batches keep to
  /// the least bounds of all users, and the model stays for the longest time that one of them wants.
  EntryPointer attach(const std::shared_ptr<PooledModel>& user);

  /// Ends a user's share; the last one's unloads the model, which must have no work.
  void detach(const EntryPointer& entry, const std::shared_ptr<PooledModel>& user);

  /// Gives a user other bounds.
  void set_queue(const EntryPointer& entry, const std::shared_ptr<PooledModel>& user, const QueueOptions& queue);

  /// Told on the calling thread where the part is loaded, else on the pool's once it is, or what loading threw. With or without
  /// an error, the model stays until release() is called.
  using Use = std::function<void(LoadedModel* model, std::exception_ptr error)>;
  void use(const EntryPointer& entry, ModelPart part, Use use);
  void release(const EntryPointer& entry);

  /// The same, waiting: `use` runs on the calling thread. Throws what loading threw.
  void use_now(const EntryPointer& entry, ModelPart part, const std::function<void(LoadedModel& model)>& use);

  /// Unloads the model unless it has work; whether it is unloaded now.
  bool unload(const EntryPointer& entry);

  struct Status {
    EndpointState state = EndpointState::unloaded;  ///< unloaded, loading, ready or failed
    std::string reason = {};
    std::int64_t bytes = 0;
    std::size_t users = 0;
    double load_seconds = 0;
    std::optional<ModelInfo> info = {};  ///< once it was loaded
  };
  Status status(const EntryPointer& entry) const;

  std::int64_t bytes() const;
  std::int64_t most_bytes() const { return most_bytes_; }

 private:
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;

  void work();
  void load(const EntryPointer& entry, Lock& lock);
  void load_part(Entry& entry, ModelPart part, Lock& lock);
  void make_room(const Entry& entry, std::int64_t needed, Lock& lock);
  void unload(Entry& entry, Lock& lock);
  void unload_idle(Lock& lock);
  std::optional<Clock::time_point> next_idle() const;
  static void use_limits(Entry& entry);

  const std::int64_t most_bytes_;

  mutable std::mutex mutex_;  ///< of the next, and of all entries
  std::condition_variable wake_;
  std::map<std::string, EntryPointer> entries_;
  std::deque<EntryPointer> to_load_;
  bool stopping_ = false;

  std::thread worker_;
};

/// What the model's weights take once they are loaded in the precision that the options name, about, in bytes.
std::int64_t estimated_bytes(const ModelFolder& folder, const LoadOptions& options);

}  // namespace accelerate

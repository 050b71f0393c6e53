#include "endpoints/model_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <numeric>

#include "formats/checkpoint.h"
#include "runtime/resident_memory.h"

namespace accelerate {
namespace {

constexpr double mebibyte = 1024.0 * 1024.0;

std::string mebibytes(std::int64_t bytes) { return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / mebibyte); }

/// What two endpoints must have in common to share a model.
std::string key_of(const PooledModel& model) {
  const LoadOptions& load = model.load;
  return fmt::format("{}|{}|{}|{}|{}|{}|{}", std::filesystem::weakly_canonical(model.folder.path).string(), load.backend, load.precision,
                     load.threads, load.prefer, load.accuracy, load.fallback);
}

std::exception_ptr closed() { return std::make_exception_ptr(Error(ErrorKind::cancelled, "the endpoints are being closed")); }

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& failure) {
    return failure.what();
  }
}

}  // namespace

std::int64_t estimated_bytes(const ModelFolder& folder, const LoadOptions& options) {
  const Checkpoint checkpoint(folder.transformer);
  std::int64_t elements = 0;
  for (const std::string& name : checkpoint.names()) {
    const std::vector<std::int64_t>& shape = checkpoint.entry(name)->shape;
    elements += std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  }
  const std::int64_t bytes = options.precision == "int8" ? 1 : (options.precision == "bf16" || options.precision == "fp16" ? 2 : 4);
  return elements * bytes;
}

/// A model that endpoints share, in memory or not.
class ModelPool::Entry {
 public:
  explicit Entry(std::string key_text, const PooledModel& first) : key(std::move(key_text)), folder(first.folder), load(first.load) {}

  struct Waiting {
    ModelPart part;
    Use use;
  };

  const std::string key;
  const ModelFolder folder;
  const LoadOptions load;
  std::vector<std::shared_ptr<PooledModel>> users;
  std::shared_ptr<LoadedModel> model;
  EndpointState state = EndpointState::unloaded;
  std::string reason;
  std::int64_t bytes = 0;
  double load_seconds = 0;
  std::optional<ModelInfo> info;
  std::size_t active = 0;  ///< uses that were not released
  Clock::time_point last_used = Clock::now();
  std::deque<Waiting> waiting;

  bool is_idle() const { return model && active == 0; }

  /// The least bounds that a user has.
  QueueOptions queue() const {
    QueueOptions least = users.front()->queue;
    for (const auto& user : users) {
      least.batch_tokens = std::min(least.batch_tokens, user->queue.batch_tokens);
      least.batch_texts = std::min(least.batch_texts, user->queue.batch_texts);
      least.most_running = std::min(least.most_running, user->queue.most_running);
    }
    return least;
  }

  /// When it has been idle for long enough; never where a user wants so.
  std::optional<Clock::time_point> idle_end() const {
    std::chrono::duration<double> longest{0};
    for (const auto& user : users) {
      if (user->keep_alive.count() < 0) return std::nullopt;
      longest = std::max(longest, user->keep_alive);
    }
    return last_used + std::chrono::duration_cast<Clock::duration>(longest);
  }
};

ModelPool::ModelPool(std::int64_t most_bytes) : most_bytes_(most_bytes), worker_([this] { work(); }) {}

ModelPool::~ModelPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  worker_.join();
}

ModelPool::EntryPointer ModelPool::attach(const std::shared_ptr<PooledModel>& user) {
  const std::string key = key_of(*user);
  const std::lock_guard lock(mutex_);
  EntryPointer& entry = entries_[key];
  if (!entry) entry = std::make_shared<Entry>(key, *user);
  entry->users.push_back(user);
  use_limits(*entry);
  return entry;
}

void ModelPool::detach(const EntryPointer& entry, const std::shared_ptr<PooledModel>& user) {
  Lock lock(mutex_);
  std::erase(entry->users, user);
  if (!entry->users.empty()) return use_limits(*entry);
  entries_.erase(entry->key);
  unload(*entry, lock);
}

void ModelPool::set_queue(const EntryPointer& entry, const std::shared_ptr<PooledModel>& user, const QueueOptions& queue) {
  const std::lock_guard lock(mutex_);
  user->queue = queue;
  use_limits(*entry);
}

void ModelPool::use(const EntryPointer& entry, ModelPart part, Use use) {
  LoadedModel* model = nullptr;
  bool is_closed = false;
  {
    const std::lock_guard lock(mutex_);
    ++entry->active;
    if (stopping_) {
      is_closed = true;
    } else if (entry->model && entry->model->has(part)) {
      model = entry->model.get();
    } else {
      entry->waiting.push_back({part, std::move(use)});
      if (entry->state != EndpointState::ready) entry->state = EndpointState::loading;
      if (std::ranges::find(to_load_, entry) == to_load_.end()) to_load_.push_back(entry);
    }
  }
  if (is_closed) return use(nullptr, closed());
  if (model != nullptr) return use(model, nullptr);
  wake_.notify_all();
}

void ModelPool::release(const EntryPointer& entry) {
  const std::lock_guard lock(mutex_);
  --entry->active;
  entry->last_used = Clock::now();
}

void ModelPool::use_now(const EntryPointer& entry, ModelPart part, const std::function<void(LoadedModel& model)>& use_model) {
  std::promise<LoadedModel*> loaded;
  use(entry, part, [&](LoadedModel* model, const std::exception_ptr& error) {
    if (error)
      loaded.set_exception(error);
    else
      loaded.set_value(model);
  });
  try {
    use_model(*loaded.get_future().get());
  } catch (...) {
    release(entry);
    throw;
  }
  release(entry);
}

bool ModelPool::unload(const EntryPointer& entry) {
  Lock lock(mutex_);
  if (entry->active > 0) return false;
  unload(*entry, lock);
  return true;
}

ModelPool::Status ModelPool::status(const EntryPointer& entry) const {
  const std::lock_guard lock(mutex_);
  return {.state = entry->state,
          .reason = entry->reason,
          .bytes = entry->bytes,
          .users = entry->users.size(),
          .load_seconds = entry->load_seconds,
          .info = entry->info};
}

std::int64_t ModelPool::bytes() const {
  const std::lock_guard lock(mutex_);
  std::int64_t sum = 0;
  for (const auto& [key, entry] : entries_) sum += entry->bytes;
  return sum;
}

void ModelPool::work() {
  Lock lock(mutex_);
  for (;;) {
    const auto has_work = [&] { return stopping_ || !to_load_.empty(); };
    if (const auto idle = next_idle())
      wake_.wait_until(lock, *idle, has_work);
    else
      wake_.wait_for(lock, std::chrono::seconds(1), has_work);  // who is released now may be the next to be idle
    if (stopping_) break;
    unload_idle(lock);
    if (to_load_.empty()) continue;
    const EntryPointer entry = to_load_.front();
    to_load_.pop_front();
    load(entry, lock);
  }
  // Whoever still waits is told so.
  for (const auto& [key, entry] : entries_) {
    std::deque<Entry::Waiting> waiting;
    waiting.swap(entry->waiting);
    lock.unlock();
    for (const Entry::Waiting& each : waiting) each.use(nullptr, closed());
    lock.lock();
  }
}

/// Loads what the entry's callers wait for, part by part, and tells each.
void ModelPool::load(const EntryPointer& entry, Lock& lock) {
  while (!entry->waiting.empty()) {
    const ModelPart part = entry->waiting.front().part;
    std::exception_ptr error;
    try {
      load_part(*entry, part, lock);
      entry->state = EndpointState::ready;
      entry->reason.clear();
    } catch (...) {
      error = std::current_exception();
      entry->reason = message_of(error);
      if (!entry->model) entry->state = EndpointState::failed;
    }
    std::vector<Use> uses;
    std::erase_if(entry->waiting, [&](Entry::Waiting& each) {
      if (each.part != part) return false;
      uses.push_back(std::move(each.use));
      return true;
    });
    LoadedModel* const model = error ? nullptr : entry->model.get();
    lock.unlock();
    for (const Use& use : uses) use(model, error);
    lock.lock();
  }
}

void ModelPool::load_part(Entry& entry, ModelPart part, Lock& lock) {
  if (entry.model && entry.model->has(part)) return;
  std::shared_ptr<LoadedModel> model = entry.model;
  const std::int64_t bytes_before = entry.bytes;
  const QueueOptions queue = entry.queue();
  lock.unlock();
  std::exception_ptr error;
  std::int64_t needed = 0;
  try {
    needed = estimated_bytes(entry.folder, entry.load);
    if (needed > most_bytes_)
      throw Error(ErrorKind::out_of_memory, fmt::format("model {}: takes about {}, more than the {} that loaded models may hold",
                                                        entry.folder.name(), mebibytes(needed), mebibytes(most_bytes_)));
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  if (error) std::rethrow_exception(error);
  make_room(entry, needed, lock);
  lock.unlock();

  const Clock::time_point start = Clock::now();
  const std::int64_t before = private_bytes();
  try {
    if (!model) model = std::make_shared<LoadedModel>(entry.folder, entry.load, queue, most_bytes_ / 4);
    model->load(part);
  } catch (...) {
    error = std::current_exception();
    release_freed_memory();
  }
  const std::int64_t taken = std::max<std::int64_t>(0, private_bytes() - before);
  lock.lock();
  if (error) std::rethrow_exception(error);
  entry.model = std::move(model);
  entry.bytes = bytes_before + taken;
  entry.load_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (!entry.info || part != ModelPart::embedding) entry.info = entry.model->info(part);
  use_limits(entry);
}

/// Unloads models without work, the longest unused first, until the new one fits beside those that stay.
void ModelPool::make_room(const Entry& entry, std::int64_t needed, Lock& lock) {
  for (;;) {
    std::int64_t held = 0;
    EntryPointer oldest;
    for (const auto& [key, other] : entries_) {
      held += other->bytes;
      if (other.get() != &entry && other->is_idle() && (!oldest || other->last_used < oldest->last_used)) oldest = other;
    }
    if (held + needed <= most_bytes_) return;
    if (!oldest)
      throw OverloadedError(fmt::format("model {}: takes about {}, and the models that have work hold {} of the {} that there may be",
                                        entry.folder.name(), mebibytes(needed), mebibytes(held), mebibytes(most_bytes_)),
                            1);
    unload(*oldest, lock);
  }
}

void ModelPool::unload(Entry& entry, Lock& lock) {
  std::shared_ptr<LoadedModel> model = std::move(entry.model);
  entry.model = nullptr;
  if (!model) return;
  entry.bytes = 0;
  entry.state = EndpointState::unloaded;
  entry.info.reset();
  lock.unlock();
  model.reset();
  release_freed_memory();
  lock.lock();
}

void ModelPool::unload_idle(Lock& lock) {
  const Clock::time_point now = Clock::now();
  for (;;) {
    const auto found = std::ranges::find_if(entries_, [&](const auto& each) {
      const auto end = each.second->is_idle() ? each.second->idle_end() : std::nullopt;
      return end && *end <= now;
    });
    if (found == entries_.end()) return;
    const EntryPointer entry = found->second;
    unload(*entry, lock);
  }
}

std::optional<ModelPool::Clock::time_point> ModelPool::next_idle() const {
  std::optional<Clock::time_point> next;
  for (const auto& [key, entry] : entries_) {
    const auto end = entry->is_idle() ? entry->idle_end() : std::nullopt;
    if (end && (!next || *end < *next)) next = end;
  }
  return next;
}

void ModelPool::use_limits(Entry& entry) {
  if (entry.model && !entry.users.empty()) entry.model->set_limits(entry.queue());
}

}  // namespace accelerate

#include "base/thread_pool.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/cgroup.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

// Longer than the pause between two loops of one run, shorter than anyone notices.
constexpr std::chrono::microseconds spin_time{30};
constexpr std::size_t cache_line = 64;
constexpr int loop_slots = 64;  // one bit each in `open_loops_`

/// Waits actively until `condition` holds or `limit` has passed; returns whether it held.
template <typename Condition>
bool spin_until(Condition condition, std::chrono::nanoseconds limit) {
  constexpr int pauses_between_clock_reads = 16;
  const auto end = std::chrono::steady_clock::now() + limit;
  do {
    for (int i = 0; i < pauses_between_clock_reads; ++i) {
      if (condition()) return true;
      __builtin_ia32_pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

/// One loop in progress. Slots live as long as the pool, so a late helper may look at one whose loop is over: it counts
/// itself as a visitor first, and reads the rest only if the loop is then still open.
struct alignas(cache_line) Loop {
  std::atomic<int> visitors{0};  // helpers that may be reading this slot
  std::atomic<bool> owner_sleeps{false};
  std::atomic<bool> failed{false};
  std::int64_t count = 0;
  const ThreadPool::Body* body = nullptr;
  std::exception_ptr exception;
  alignas(cache_line) std::atomic<std::int64_t> next{0};
};

int affinity_cores() {
  for (int cpus = 1024; cpus <= (1 << 20); cpus *= 2) {
    std::vector<cpu_set_t> mask(CPU_ALLOC_SIZE(cpus) / sizeof(cpu_set_t));
    const std::size_t bytes = mask.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, mask.data()) == 0) return CPU_COUNT_S(bytes, mask.data());
  }
  return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

/// The threads that help (one fewer than the places, since every loop has its caller) and what they share.
///
/// Each pair of "I write mine, then read yours" below relies on sequentially consistent order, which is what the
/// atomics use unless they say otherwise: of two threads at least one sees the other's write, so no wake-up is lost.
struct ThreadPool::State {
  explicit State(int threads);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void start_helpers();
  void take_place();
  void release_place();
  void run(std::int64_t count, const Body& body);

  const int threads;

 private:
  bool try_take_place();
  bool can_help() const;
  void help(int worker);
  void visit(int slot, int worker);
  void draw_indices(Loop& loop, std::uint64_t bit, int worker);
  void wake_helpers(std::int64_t wanted);
  int take_slot();
  void wait_for_visitors(Loop& loop);

  const std::chrono::nanoseconds spin_limit_;
  alignas(cache_line) std::atomic<std::uint64_t> open_loops_{0};  // bit i: slot i has indices left
  alignas(cache_line) std::atomic<std::uint64_t> free_slots_{~std::uint64_t{0}};
  alignas(cache_line) std::atomic<int> free_places_;
  std::atomic<int> waiting_callers_{0};
  std::atomic<int> sleeping_helpers_{0};
  std::atomic<bool> stopping_{false};
  std::array<Loop, loop_slots> loops_;

  std::mutex mutex_;  // guards sleeping and waking, never work
  std::condition_variable place_freed_;
  std::condition_variable help_wanted_;
  std::condition_variable visitor_left_;
  std::vector<std::thread> helpers_;
};

// A thread that spins where another could run only delays it, so a pool larger than the machine does not spin.
ThreadPool::State::State(int thread_count)
    : threads(thread_count),
      spin_limit_(thread_count <= usable_cores() ? spin_time : std::chrono::nanoseconds(0)),
      free_places_(thread_count) {}

void ThreadPool::State::start_helpers() {
  helpers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int worker = 1; worker < threads; ++worker) helpers_.emplace_back([this, worker] { help(worker); });
}

ThreadPool::State::~State() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  help_wanted_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

bool ThreadPool::State::try_take_place() {
  int places = free_places_;
  while (places > 0)
    if (free_places_.compare_exchange_weak(places, places - 1)) return true;
  return false;
}

void ThreadPool::State::take_place() {
  if (waiting_callers_ == 0 && try_take_place()) return;
  {
    std::unique_lock lock(mutex_);
    ++waiting_callers_;
    place_freed_.wait(lock, [this] { return try_take_place(); });
    --waiting_callers_;
  }
  if (can_help()) wake_helpers(1);  // those that stood back for this caller
}

void ThreadPool::State::release_place() {
  ++free_places_;
  if (waiting_callers_ > 0) {
    const std::scoped_lock lock(mutex_);
    place_freed_.notify_one();
  } else if (open_loops_ != 0) {
    wake_helpers(1);
  }
}

bool ThreadPool::State::can_help() const { return open_loops_ != 0 && free_places_ > 0 && waiting_callers_ == 0; }

void ThreadPool::State::wake_helpers(std::int64_t wanted) {
  const auto number = std::min<std::int64_t>({wanted, sleeping_helpers_, free_places_});
  if (number <= 0) return;
  const std::scoped_lock lock(mutex_);
  for (std::int64_t i = 0; i < number; ++i) help_wanted_.notify_one();
}

void ThreadPool::State::help(int worker) {
  const auto called = [this] { return stopping_ || can_help(); };
  for (;;) {
    if (!spin_until(called, spin_limit_)) {
      std::unique_lock lock(mutex_);
      ++sleeping_helpers_;
      help_wanted_.wait(lock, called);
      --sleeping_helpers_;
    }
    if (stopping_) return;
    if (!try_take_place()) continue;
    // Each helper begins its search elsewhere, so that several loops share the helpers.
    const std::uint64_t rotated = std::rotr(open_loops_.load(), worker);
    if (rotated != 0) visit((std::countr_zero(rotated) + worker) % loop_slots, worker);
    release_place();
  }
}

void ThreadPool::State::visit(int slot, int worker) {
  Loop& loop = loops_[static_cast<std::size_t>(slot)];
  const std::uint64_t bit = std::uint64_t{1} << slot;
  ++loop.visitors;
  if ((open_loops_ & bit) != 0) draw_indices(loop, bit, worker);
  if (--loop.visitors == 0 && loop.owner_sleeps) {
    const std::scoped_lock lock(mutex_);
    visitor_left_.notify_all();
  }
}

void ThreadPool::State::draw_indices(Loop& loop, std::uint64_t bit, int worker) {
  const bool is_helper = worker != 0;
  for (;;) {
    const std::int64_t index = loop.next.fetch_add(1, std::memory_order_relaxed);
    if (index >= loop.count) return;
    if (index == loop.count - 1) open_loops_ &= ~bit;
    try {
      (*loop.body)(index, worker);
    } catch (...) {
      loop.next.store(loop.count, std::memory_order_relaxed);
      open_loops_ &= ~bit;
      if (!loop.failed.exchange(true)) loop.exception = std::current_exception();
      return;
    }
    if (is_helper && waiting_callers_.load(std::memory_order_relaxed) > 0) return;  // its place goes to a new caller
  }
}

int ThreadPool::State::take_slot() {
  std::uint64_t free = free_slots_;
  while (free != 0)
    if (free_slots_.compare_exchange_weak(free, free & (free - 1))) return std::countr_zero(free);
  return -1;
}

void ThreadPool::State::wait_for_visitors(Loop& loop) {
  const auto all_left = [&loop] { return loop.visitors == 0; };
  if (spin_until(all_left, spin_limit_)) return;
  std::unique_lock lock(mutex_);
  loop.owner_sleeps = true;
  visitor_left_.wait(lock, all_left);
  loop.owner_sleeps = false;
}

void ThreadPool::State::run(std::int64_t count, const Body& body) {
  const int slot = count > 1 && threads > 1 ? take_slot() : -1;
  if (slot < 0) {
    for (std::int64_t index = 0; index < count; ++index) body(index, 0);
    return;
  }
  Loop& loop = loops_[static_cast<std::size_t>(slot)];
  const std::uint64_t bit = std::uint64_t{1} << slot;
  loop.count = count;
  loop.body = &body;
  loop.failed.store(false, std::memory_order_relaxed);
  loop.next.store(0, std::memory_order_relaxed);
  open_loops_ |= bit;
  wake_helpers(count - 1);
  draw_indices(loop, bit, 0);
  wait_for_visitors(loop);
  const std::exception_ptr exception = std::exchange(loop.exception, nullptr);
  free_slots_ |= bit;
  if (exception) std::rethrow_exception(exception);
}

ThreadPool::ThreadPool(int threads) {
  if (threads < 0) throw Error(ErrorKind::invalid_argument, fmt::format("a thread pool of {} threads, expected 0 or more", threads));
  const int number = threads == 0 ? usable_cores() : threads;
  state_ = std::make_unique<State>(number);
  try {
    state_->start_helpers();
  } catch (const std::system_error& error) {
    throw Error(ErrorKind::unavailable, fmt::format("the system refused one of {} threads: {}", number, error.what()));
  }
}

ThreadPool::~ThreadPool() = default;

int ThreadPool::threads() const { return state_->threads; }

ThreadPool::Place::Place(ThreadPool& pool) : pool_(pool) { pool_.state_->take_place(); }

ThreadPool::Place::~Place() { pool_.state_->release_place(); }

void ThreadPool::parallel_for(std::int64_t count, Body body) { state_->run(count, body); }

int usable_cores() {
  int cores = affinity_cores();
  if (const auto quota = control_group_limits().cpu_cores) cores = std::min(cores, static_cast<int>(std::ceil(*quota)));
  return std::max(cores, 1);
}

}  // namespace accelerate

#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace accelerate {

/// A fixed number of threads that all running requests share.
///
/// At most `threads()` threads compute at any moment, whatever the number of callers: a caller takes a place before it
/// computes and works on its own loop; idle places help whichever loop has work left.
class ThreadPool {
 public:
  /// A pool of `threads` places (at least 1); 0 takes one for each core that this process may use.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  /// Holds one of the pool's places for the calling thread, so that a run's many loops pay for it once.
  class Place {
   public:
    explicit Place(ThreadPool& pool);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    ThreadPool& pool_;
  };

  /// A reference to something callable as void(std::int64_t index, int worker), which it does not own.
  class Body {
   public:
    template <typename F>
    Body(const F& function)  // NOLINT(google-explicit-constructor): a lambda is handed over as it stands
        : object_(&function),
          call_([](const void* object, std::int64_t index, int worker) { (*static_cast<const F*>(object))(index, worker); }) {}
    void operator()(std::int64_t index, int worker) const { call_(object_, index, worker); }

   private:
    const void* object_;
    void (*call_)(const void*, std::int64_t, int);
  };

  /// Calls body(i, worker) once for each i in [0, count) and returns when all have returned. `worker` is in
  /// [0, threads()) and no two calls of this loop that overlap have the same one, so it can index scratch memory.
  /// Indices are handed out in ascending order. The caller must hold a Place. The first exception that a call throws
  /// is thrown here, after the loop has stopped.
  void parallel_for(std::int64_t count, Body body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Cores that this process may use: the smaller of its affinity mask and its cgroup's CPU quota, at least 1.
int usable_cores();

}  // namespace accelerate

#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

using std::chrono::microseconds;

/// Counts those inside and remembers the most there ever were.
class Crowd {
 public:
  void enter() {
    const int now = ++inside_;
    int most = most_;
    while (most < now && !most_.compare_exchange_weak(most, now)) {
    }
  }
  void leave() { --inside_; }
  int most() const { return most_; }

 private:
  std::atomic<int> inside_{0};
  std::atomic<int> most_{0};
};

class ThreadPoolSizes : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolSizes, testing::Values(1, 2, 3, 8, 64));

TEST_P(ThreadPoolSizes, CallsEachIndexOnce) {
  ThreadPool pool(GetParam());
  const ThreadPool::Place place(pool);
  EXPECT_EQ(pool.threads(), GetParam());
  for (const std::int64_t count : {0, 1, 2, 3, 7, 64, 1000}) {
    std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
    pool.parallel_for(count, [&](std::int64_t index, int) { ++calls[static_cast<std::size_t>(index)]; });
    for (std::int64_t index = 0; index < count; ++index) EXPECT_EQ(calls[static_cast<std::size_t>(index)], 1) << index << " of " << count;
  }
}

TEST_P(ThreadPoolSizes, RunsManyShortLoopsInARow) {
  ThreadPool pool(GetParam());
  const ThreadPool::Place place(pool);
  std::atomic<std::int64_t> sum{0};
  constexpr int loops = 2000;
  for (int loop = 0; loop < loops; ++loop) pool.parallel_for(5, [&](std::int64_t index, int) { sum += index; });
  EXPECT_EQ(sum, 10 * loops);
}

TEST_P(ThreadPoolSizes, WorkersThatOverlapDiffer) {
  ThreadPool pool(GetParam());
  const ThreadPool::Place place(pool);
  std::vector<std::atomic<int>> inside(static_cast<std::size_t>(pool.threads()));
  std::atomic<int> clashes{0};
  std::atomic<int> out_of_range{0};
  pool.parallel_for(500, [&](std::int64_t, int worker) {
    if (worker < 0 || worker >= pool.threads()) {
      ++out_of_range;
      return;
    }
    auto& own = inside[static_cast<std::size_t>(worker)];
    if (++own != 1) ++clashes;
    std::this_thread::yield();
    --own;
  });
  EXPECT_EQ(clashes, 0);
  EXPECT_EQ(out_of_range, 0);
}

TEST_P(ThreadPoolSizes, ThrowsTheFirstExceptionAfterTheLoopHasStopped) {
  ThreadPool pool(GetParam());
  const ThreadPool::Place place(pool);
  for (int round = 0; round < 20; ++round) {
    Crowd crowd;
    std::atomic<bool> returned{false};
    std::atomic<int> late{0};
    const auto body = [&](std::int64_t index, int) {
      if (returned) ++late;
      if (index == 3) throw std::runtime_error("index 3");
      std::this_thread::yield();
    };
    try {
      pool.parallel_for(100, body);
      FAIL() << "no exception";
    } catch (const std::runtime_error& error) {
      returned = true;
      EXPECT_EQ(std::string(error.what()), "index 3");
    }
    EXPECT_EQ(late, 0);
    std::atomic<int> calls{0};
    pool.parallel_for(10, [&](std::int64_t, int) { ++calls; });
    EXPECT_EQ(calls, 10) << "the pool works on after a loop that threw";
  }
}

TEST(ThreadPool, AllThreadsTakePartInALongLoop) {
  ThreadPool pool(4);
  const ThreadPool::Place place(pool);
  Crowd crowd;
  std::atomic<int> arrived{0};
  // Each call waits until all four are inside, so that the loop only ends if four threads work on it at once.
  pool.parallel_for(4, [&](std::int64_t, int) {
    crowd.enter();
    ++arrived;
    while (arrived < 4) std::this_thread::yield();
    crowd.leave();
  });
  EXPECT_EQ(crowd.most(), 4);
}

TEST(ThreadPool, ManyCallersNeverComputeOnMoreThreadsThanThePoolHas) {
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    Crowd crowd;
    std::atomic<int> wrong{0};
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 8; ++caller) {
      callers.emplace_back([&] {
        for (int request = 0; request < 20; ++request) {
          const ThreadPool::Place place(pool);
          for (int loop = 0; loop < 5; ++loop) {
            std::atomic<int> calls{0};
            pool.parallel_for(12, [&](std::int64_t, int) {
              crowd.enter();
              ++calls;
              std::this_thread::sleep_for(microseconds(5));
              crowd.leave();
            });
            if (calls != 12) ++wrong;
          }
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_LE(crowd.most(), threads);
  }
}

TEST(ThreadPool, ACallerGetsThePlaceOfAHelper) {
  ThreadPool pool(2);
  std::atomic<bool> helper_came{false};
  std::atomic<bool> second_ran{false};
  std::thread second;
  {
    const ThreadPool::Place place(pool);
    // The loop's owner goes on only once a second caller has computed, for which the helper must give up its place.
    const auto body = [&](std::int64_t, int worker) {
      if (worker != 0) {
        helper_came = true;
        return;
      }
      while (!helper_came) std::this_thread::yield();
      second = std::thread([&] {
        const ThreadPool::Place second_place(pool);
        pool.parallel_for(1, [&](std::int64_t, int) { second_ran = true; });
      });
      while (!second_ran) std::this_thread::yield();
      throw std::out_of_range("enough");  // ends the loop, which is longer than anyone would wait for
    };
    EXPECT_THROW(pool.parallel_for(1'000'000'000'000, body), std::out_of_range);
  }
  second.join();
  EXPECT_TRUE(second_ran);
}

TEST(ThreadPool, ALoopInsideALoopCompletes) {
  ThreadPool pool(3);
  const ThreadPool::Place place(pool);
  std::atomic<int> calls{0};
  pool.parallel_for(6, [&](std::int64_t, int) { pool.parallel_for(7, [&](std::int64_t, int) { ++calls; }); });
  EXPECT_EQ(calls, 42);
}

TEST(ThreadPool, HelpersThatSleepWakeForTheNextLoop) {
  ThreadPool pool(2);
  const ThreadPool::Place place(pool);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(microseconds(200));
    std::atomic<int> arrived{0};
    pool.parallel_for(2, [&](std::int64_t, int) {
      ++arrived;
      while (arrived < 2) std::this_thread::yield();
    });
    EXPECT_EQ(arrived, 2);
  }
}

TEST(ThreadPool, CanBeMadeAndDestroyedWithoutWork) {
  for (int round = 0; round < 50; ++round) {
    const ThreadPool pool(4);
    EXPECT_EQ(pool.threads(), 4);
  }
}

TEST(ThreadPool, ZeroThreadsMeansTheUsableCores) {
  EXPECT_GE(usable_cores(), 1);
  EXPECT_EQ(ThreadPool(0).threads(), usable_cores());
}

TEST(ThreadPool, RefusesANegativeNumberOfThreads) {
  try {
    const ThreadPool pool(-1);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
  }
}

}  // namespace
}  // namespace accelerate
